package media

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// Format is the coding of samples in WAV: the tag of the format chunk (RFC 2361).
type Format uint16

// The formats that Unified Messaging uses, and PCM.
const (
	PCM   Format = 0x01 // linear, 8 or 16 bits
	ALaw  Format = 0x06 // G.711 A-law
	MuLaw Format = 0x07 // G.711 µ-law
	GSM   Format = 0x31 // GSM 06.10 full rate, in blocks of two frames
)

// The reasons why a recording is not decoded. The errors that wrap them have a
// sentence for the user.
var (
	// ErrUnsupported: the format is one that the phone cannot play. Another
	// program can, or Exchange's Play on Phone.
	ErrUnsupported = errors.New("the phone cannot play this form of recording")
	// ErrDamaged: a required part is missing or invalid.
	ErrDamaged = errors.New("the recording is damaged")
)

// Limits of Decode.
const (
	minRate    = 8000     // Hz
	maxRate    = 48000    // Hz
	maxSamples = 64 << 20 // of one channel: 2 h 19 min of telephone sound, 128 MiB
	maxChunks  = 1024
)

// extensible is the tag of a format chunk with a GUID. The GUID begins with the
// real tag; its other bytes are fixed.
const (
	extensible    = 0xfffe
	subFormatAt   = 24
	subFormatTail = "\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"
)

// Decode reads a recording: RIFF WAVE with PCM, G.711 or GSM 06.10, of one or
// two channels (which are mixed), 8 to 48 kHz.
//
// Like players it accepts sizes that the recorder did not fill in or that exceed
// the data, a missing pad byte and an incomplete last block. Its errors wrap
// ErrUnsupported or ErrDamaged. The result has at most 128 MiB.
func Decode(b []byte) (Sound, error) {
	if err := checkHeader(b); err != nil {
		return Sound{}, err
	}
	format, data, fact, err := findChunks(b)
	if err != nil {
		return Sound{}, err
	}
	f, err := readFormat(format)
	if err != nil {
		return Sound{}, err
	}
	if f.samples(len(data)) > maxSamples {
		return Sound{}, fmt.Errorf("%w: it is longer than %d minutes", ErrUnsupported, maxSamples/f.rate/60)
	}
	samples := f.decode(data)
	// The last block of GSM is padded; the fact chunk has the number of samples.
	if padding := len(samples) - fact; f.format == GSM && fact > 0 && padding > 0 && padding < gsmBlockSamples {
		samples = samples[:fact]
	}
	return Sound{f.rate, samples}, nil
}

// checkHeader returns an error for data that is not WAV, with the name of known
// formats.
func checkHeader(b []byte) error {
	head := string(b[:min(len(b), 16)])
	switch {
	case len(b) == 0:
		return fmt.Errorf("%w: it is empty", ErrDamaged)
	case len(head) >= 12 && head[:4] == "RIFF" && head[8:12] == "WAVE":
		return nil
	case strings.HasPrefix(head, "\x30\x26\xb2\x75\x8e\x66\xcf\x11"): // the GUID of ASF's header object
		return fmt.Errorf("%w: it is Windows Media Audio", ErrUnsupported)
	case strings.HasPrefix(head, "ID3"), len(head) > 1 && head[0] == 0xff && head[1]&0xe6 == 0xe2:
		return fmt.Errorf("%w: it is MP3", ErrUnsupported)
	}
	return fmt.Errorf("%w: it does not begin as a WAV file does", ErrDamaged)
}

// findChunks finds the format, the samples, and the number of samples in the fact
// chunk (0: none).
func findChunks(b []byte) (format, data []byte, fact int, err error) {
	le := binary.LittleEndian
	end := 8 + uint64(le.Uint32(b[4:])) // of the file, by its header
	at := 12
	for range maxChunks {
		if len(b)-at < 8 || format != nil && data != nil {
			break
		}
		id, size := string(b[at:at+4]), uint64(le.Uint32(b[at+4:]))
		at += 8
		rest := b[at:]
		// A recorder that writes a stream leaves 0 or all ones in both sizes.
		if id == "data" && size == 0 && end <= uint64(at) {
			size = uint64(len(rest))
		}
		body := rest[:min(size, uint64(len(rest)))]
		switch {
		case id == "fmt " && format == nil:
			format = body
		case id == "data" && data == nil:
			data = body
		case id == "fact" && len(body) >= 4:
			fact = int(min(le.Uint32(body), maxSamples))
		}
		if at += len(body); size%2 == 1 && at < len(b) && (b[at] == 0 || !chunkBegins(b[at:])) {
			at++
		}
	}
	switch {
	case format == nil:
		return nil, nil, 0, fmt.Errorf("%w: it does not say its format", ErrDamaged)
	case data == nil:
		return nil, nil, 0, fmt.Errorf("%w: there is no sound in it", ErrDamaged)
	}
	return format, data, fact, nil
}

// chunkBegins reports whether b begins with a chunk, and not with a pad byte.
func chunkBegins(b []byte) bool {
	switch string(b[:min(len(b), 4)]) {
	case "fmt ", "data", "fact", "LIST":
		return true
	}
	return false
}

// layout is the contents of a format chunk.
type layout struct {
	format         Format
	channels, rate int
	bits           int // of a sample, PCM only
}

// readFormat reads a format chunk. It ignores block size and bytes a second, which
// follow from the other fields and are often wrong.
func readFormat(b []byte) (f layout, err error) {
	le := binary.LittleEndian
	if len(b) < 14 {
		return f, fmt.Errorf("%w: what it says of its format is cut off", ErrDamaged)
	}
	f = layout{format: Format(le.Uint16(b)), channels: int(le.Uint16(b[2:])), rate: int(min(le.Uint32(b[4:]), 1<<30))}
	if len(b) >= 16 {
		f.bits = int(le.Uint16(b[14:]))
	}
	if f.format == extensible {
		if len(b) < subFormatAt+2+len(subFormatTail) {
			return f, fmt.Errorf("%w: what it says of its format is cut off", ErrDamaged)
		}
		if string(b[subFormatAt+2:][:len(subFormatTail)]) != subFormatTail {
			return f, fmt.Errorf("%w: it names its format by an unknown GUID", ErrUnsupported)
		}
		f.format = Format(le.Uint16(b[subFormatAt:]))
	}
	switch {
	case f.format == PCM && f.bits != 8 && f.bits != 16:
		err = fmt.Errorf("%w: it has samples of %d bits, not of 8 or 16", ErrUnsupported, f.bits)
	case f.format != PCM && f.format != ALaw && f.format != MuLaw && f.format != GSM:
		err = fmt.Errorf("%w: it has format %#x of WAV, neither PCM, G.711 nor GSM 06.10", ErrUnsupported, uint16(f.format))
	case f.channels == 0:
		err = fmt.Errorf("%w: it says that it has no channels", ErrDamaged)
	case f.channels > 2, f.channels > 1 && f.format == GSM:
		err = fmt.Errorf("%w: it has %d channels", ErrUnsupported, f.channels)
	case f.rate < minRate || f.rate > maxRate:
		err = fmt.Errorf("%w: it has %d samples a second, not %d to %d", ErrUnsupported, f.rate, minRate, maxRate)
	}
	return f, err
}

// width is the size of one sample of one channel, in bytes.
func (f layout) width() int {
	if f.format == PCM {
		return f.bits / 8
	}
	return 1
}

// samples returns the number of samples of one channel in bytes.
func (f layout) samples(bytes int) int {
	if f.format == GSM {
		return gsmSamples(bytes)
	}
	return bytes / f.width() / f.channels
}

func (f layout) decode(b []byte) []int16 {
	if f.format == GSM {
		return decodeGSM(b)
	}
	out := make([]int16, f.samples(len(b)))
	switch sampleAt := f.sampleReader(); f.channels {
	case 1:
		for i := range out {
			out[i] = sampleAt(b, i)
		}
	case 2:
		for i := range out {
			out[i] = int16((int32(sampleAt(b, 2*i)) + int32(sampleAt(b, 2*i+1))) / 2)
		}
	}
	return out
}

// sampleReader returns a function that reads sample i of b.
func (f layout) sampleReader() func(b []byte, i int) int16 {
	switch {
	case f.format == ALaw:
		return func(b []byte, i int) int16 { return aLaw[b[i]] }
	case f.format == MuLaw:
		return func(b []byte, i int) int16 { return muLaw[b[i]] }
	case f.bits == 8: // 8-bit PCM is unsigned
		return func(b []byte, i int) int16 { return (int16(b[i]) - 128) << 8 }
	}
	return func(b []byte, i int) int16 { return int16(binary.LittleEndian.Uint16(b[2*i:])) }
}

// Encode returns a recording of one channel: 16-bit PCM, ALaw or MuLaw. Decode
// reads the result.
func Encode(s Sound, f Format) ([]byte, error) {
	switch {
	case f != PCM && f != ALaw && f != MuLaw:
		return nil, fmt.Errorf("%w: only PCM and G.711 are written", ErrUnsupported)
	case s.Rate < minRate || s.Rate > maxRate:
		return nil, fmt.Errorf("%w: it has %d samples a second, not %d to %d", ErrUnsupported, s.Rate, minRate, maxRate)
	case len(s.Samples) > maxSamples:
		return nil, fmt.Errorf("%w: it is longer than %d minutes", ErrUnsupported, maxSamples/s.Rate/60)
	}
	width := 1
	if f == PCM {
		width = 2
	}
	n := len(s.Samples) * width
	le := binary.LittleEndian
	b := append(make([]byte, 0, 60+n), "RIFF\x00\x00\x00\x00WAVEfmt "...)
	b = le.AppendUint32(b, 18)
	b = le.AppendUint16(b, uint16(f))
	b = le.AppendUint16(b, 1) // channel
	b = le.AppendUint32(b, uint32(s.Rate))
	b = le.AppendUint32(b, uint32(s.Rate*width)) // bytes a second
	b = le.AppendUint16(b, uint16(width))        // bytes a sample
	b = le.AppendUint16(b, uint16(8*width))      // bits a sample
	b = le.AppendUint16(b, 0)                    // size of the extension
	if f != PCM {                                // RFC 2361: other formats have a fact chunk
		b = append(b, "fact\x04\x00\x00\x00"...)
		b = le.AppendUint32(b, uint32(len(s.Samples)))
	}
	b = append(b, "data"...)
	b = le.AppendUint32(b, uint32(n))
	for _, v := range s.Samples {
		switch f {
		case ALaw:
			b = append(b, ToALaw(v))
		case MuLaw:
			b = append(b, ToMuLaw(v))
		default:
			b = le.AppendUint16(b, uint16(v))
		}
	}
	if n%2 == 1 {
		b = append(b, 0)
	}
	le.PutUint32(b[4:], uint32(len(b)-8))
	return b, nil
}
