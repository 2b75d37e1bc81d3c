package exchange

import (
	"encoding/binary"
	"math"
	"math/bits"
	"time"
)

const (
	sampleRate   = 8000 // Hz, G.711
	maxRecording = 10 * time.Minute
	muLawFormat  = 7 // WAVE_FORMAT_MULAW, RFC 2361
)

// wave returns a recording of that length: RIFF WAVE with G.711 µ-law, two
// alternating tones at half volume.
func wave(length time.Duration) []byte {
	n := int(length * sampleRate / time.Second)
	le := binary.LittleEndian
	b := make([]byte, 0, 58+n)
	b = append(b, "RIFF"...)
	b = le.AppendUint32(b, uint32(50+n+n%2))
	b = append(b, "WAVEfmt "...)
	b = le.AppendUint32(b, 18)
	b = le.AppendUint16(b, muLawFormat)
	b = le.AppendUint16(b, 1) // channels
	b = le.AppendUint32(b, sampleRate)
	b = le.AppendUint32(b, sampleRate) // bytes a second
	b = le.AppendUint16(b, 1)          // bytes a frame
	b = le.AppendUint16(b, 8)          // bits a sample
	b = le.AppendUint16(b, 0)          // no extension
	b = append(b, "fact"...)
	b = le.AppendUint32(b, 4)
	b = le.AppendUint32(b, uint32(n))
	b = append(b, "data"...)
	b = le.AppendUint32(b, uint32(n))
	for i := range n {
		frequency := 440.0
		if i/(sampleRate/2)%2 == 1 {
			frequency = 550
		}
		b = append(b, muLaw(int(16000*math.Sin(2*math.Pi*frequency*float64(i)/sampleRate))))
	}
	if n%2 == 1 {
		b = append(b, 0)
	}
	return b
}

// muLaw encodes one sample of 16 bits, ITU-T G.711.
func muLaw(sample int) byte {
	const bias, clip = 0x84, 32635
	sign := byte(0)
	if sample < 0 {
		sign, sample = 0x80, -sample
	}
	sample = min(sample, clip) + bias
	exponent := bits.Len(uint(sample)) - 8
	mantissa := sample >> (exponent + 3) & 0x0f
	return ^(sign | byte(exponent<<4) | byte(mantissa))
}

// windowsMedia returns a file that starts like Windows Media (the GUID of the ASF
// header object), but has no sound.
func windowsMedia() []byte {
	guid := []byte{0x30, 0x26, 0xB2, 0x75, 0x8E, 0x66, 0xCF, 0x11, 0xA6, 0xD9, 0x00, 0xAA, 0x00, 0x62, 0xCE, 0x6C}
	b := binary.LittleEndian.AppendUint64(guid, 30)
	b = binary.LittleEndian.AppendUint32(b, 0) // header objects
	b = append(b, 1, 2)
	return append(b, make([]byte, 2048)...)
}
