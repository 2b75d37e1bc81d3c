package media_test

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ocphone/ocphone/device/media"
)

// chunk returns a valid RIFF chunk.
func chunk(id, body string) string {
	s := id + string(binary.LittleEndian.AppendUint32(nil, uint32(len(body)))) + body
	if len(body)%2 == 1 {
		s += "\x00"
	}
	return s
}

func riff(chunks ...string) []byte {
	return []byte(chunk("RIFF", "WAVE"+strings.Join(chunks, "")))
}

// format is a format chunk of 16 bytes.
func format(tag, channels, rate, bits int) string {
	le := binary.LittleEndian
	b := le.AppendUint16(nil, uint16(tag))
	b = le.AppendUint16(b, uint16(channels))
	b = le.AppendUint32(b, uint32(rate))
	b = le.AppendUint32(b, uint32(rate*channels*bits/8))
	b = le.AppendUint16(b, uint16(channels*bits/8))
	b = le.AppendUint16(b, uint16(bits))
	return string(b)
}

// extensible is a format chunk whose tag is in its GUID.
func extensible(tag, channels, rate, bits int, tail string) string {
	return format(0xfffe, channels, rate, bits) + "\x16\x00" + string(binary.LittleEndian.AppendUint16(nil, uint16(bits))) + "\x04\x00\x00\x00" +
		string(binary.LittleEndian.AppendUint16(nil, uint16(tag))) + tail
}

const guidTail = "\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"

// patch puts bytes at a place of a file.
func patch(b []byte, at int, bytes string) []byte {
	b = slices.Clone(b)
	copy(b[at:], bytes)
	return b
}

func TestDecodeReadsEveryForm(t *testing.T) {
	for name, row := range map[string]struct {
		file []byte
		want []int16
	}{
		"PCM of 16 bits":            {riff(chunk("fmt ", format(1, 1, 8000, 16)), chunk("data", "\x01\x00\xff\xff\xff\x7f\x00\x80")), []int16{1, -1, 32767, -32768}},
		"PCM of 8 bits":             {riff(chunk("fmt ", format(1, 1, 8000, 8)), chunk("data", "\x80\x81\xff\x00")), []int16{0, 256, 32512, -32768}},
		"two channels":              {riff(chunk("fmt ", format(1, 2, 8000, 16)), chunk("data", "\x64\x00\xc8\x00\xff\x7f\xff\x7f\x00\x80\x00\x80")), []int16{150, 32767, -32768}},
		"two channels of 8 bits":    {riff(chunk("fmt ", format(1, 2, 8000, 8)), chunk("data", "\x80\x82")), []int16{256}},
		"A-law":                     {riff(chunk("fmt ", format(6, 1, 8000, 8)), chunk("data", "\xaa\x2a\xd5")), []int16{32256, -32256, 8}},
		"µ-law":                     {riff(chunk("fmt ", format(7, 1, 8000, 8)), chunk("data", "\x80\x00\xff")), []int16{32124, -32124, 0}},
		"µ-law, two channels":       {riff(chunk("fmt ", format(7, 2, 8000, 8)), chunk("data", "\x80\xff\x00\xff")), []int16{16062, -16062}},
		"µ-law, no bits":            {riff(chunk("fmt ", format(7, 1, 8000, 8)[:14]), chunk("data", "\x80")), []int16{32124}},
		"µ-law of 0 bits":           {riff(chunk("fmt ", format(7, 1, 8000, 0)+"\x00\x00"), chunk("data", "\x80")), []int16{32124}},
		"extensible PCM":            {riff(chunk("fmt ", extensible(1, 1, 8000, 16, guidTail)), chunk("data", "\x01\x00")), []int16{1}},
		"extensible A-law":          {riff(chunk("fmt ", extensible(6, 1, 8000, 8, guidTail)), chunk("data", "\xaa")), []int16{32256}},
		"other chunks before":       {riff(chunk("LIST", "abc"), chunk("fmt ", format(7, 1, 8000, 8)), chunk("junk", "x"), chunk("data", "\x80"), chunk("cue ", "")), []int16{32124}},
		"samples before the format": {riff(chunk("data", "\x80\xff\x80"), chunk("fmt ", format(7, 1, 8000, 8))), []int16{32124, 0, 32124}},
		"nothing said":              {riff(chunk("fmt ", format(7, 1, 8000, 8)), chunk("data", "")), nil},
	} {
		s, err := media.Decode(row.file)
		if err != nil || s.Rate != 8000 || !slices.Equal(s.Samples, row.want) {
			t.Errorf("%s: %v at %d Hz, %v, want %v", name, s.Samples, s.Rate, err, row.want)
		}
	}
}

func TestDecodeAcceptsWhatPlayersAccept(t *testing.T) {
	plain := riff(chunk("fmt ", format(1, 1, 8000, 16)), chunk("data", "\x01\x00\x02\x00"))
	const riffSize, dataSize = 4, 40
	want := []int16{1, 2}
	for name, file := range map[string][]byte{
		"RIFF size of nothing":       patch(plain, riffSize, "\x00\x00\x00\x00"),
		"RIFF size of everything":    patch(plain, riffSize, "\xff\xff\xff\xff"),
		"RIFF size too small":        patch(plain, riffSize, "\x10\x00\x00\x00"),
		"sizes never filled in":      patch(patch(plain, riffSize, "\x00\x00\x00\x00"), dataSize, "\x00\x00\x00\x00"),
		"sizes as of an empty file":  patch(patch(plain, riffSize, "\x24\x00\x00\x00"), dataSize, "\x00\x00\x00\x00"),
		"data size of everything":    patch(plain, dataSize, "\xff\xff\xff\xff"),
		"data size beyond the end":   patch(plain, dataSize, "\x05\x01\x00\x00"),
		"half a sample at the end":   append(slices.Clone(plain), 3),
		"half a sample and its size": patch(append(slices.Clone(plain), 3), dataSize, "\x05\x00\x00\x00"),
		"bytes a second of nothing":  patch(plain, 28, "\x00\x00\x00\x00\x00\x00"),
		"no pad byte":                []byte(chunk("RIFF", "WAVE"+strings.TrimSuffix(chunk("LIST", "abc"), "\x00")+chunk("fmt ", format(1, 1, 8000, 16))+chunk("data", "\x01\x00\x02\x00"))),
		"another pad byte":           []byte(chunk("RIFF", "WAVE"+strings.TrimSuffix(chunk("LIST", "abc"), "\x00")+"d"+chunk("fmt ", format(1, 1, 8000, 16))+chunk("data", "\x01\x00\x02\x00"))),
		"a page of mail behind it":   append(slices.Clone(plain), "\r\n--boundary--"...),
	} {
		s, err := media.Decode(file)
		if err != nil || !slices.Equal(s.Samples, want) {
			t.Errorf("%s: %v, %v, want %v", name, s.Samples, err, want)
		}
	}
}

// sentence is what a person can read: no name of a package, no double words.
var sentence = regexp.MustCompile(`^the (phone|recording) [^:]+: it [a-z].*[^.]$|^the recording is damaged: (what|there) .*[^.]$`)

func TestDecodeErrorsHaveAReason(t *testing.T) {
	fmtPCM, sound := chunk("fmt ", format(1, 1, 8000, 16)), chunk("data", "\x01\x00")
	for name, row := range map[string]struct {
		file []byte
		want error
		says string
	}{
		"nothing":             {nil, media.ErrDamaged, "empty"},
		"text":                {[]byte("RIFF: a history"), media.ErrDamaged, "WAV"},
		"another RIFF":        {[]byte(chunk("RIFF", "AVI "+fmtPCM)), media.ErrDamaged, "WAV"},
		"Windows Media":       {[]byte("\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c"), media.ErrUnsupported, "Windows Media"},
		"MP3 with a tag":      {[]byte("ID3\x03"), media.ErrUnsupported, "MP3"},
		"MP3 without":         {[]byte{0xff, 0xfb, 0x90}, media.ErrUnsupported, "MP3"},
		"header only":         {riff()[:12], media.ErrDamaged, "format"},
		"no format":           {riff(sound), media.ErrDamaged, "format"},
		"no samples":          {riff(fmtPCM), media.ErrDamaged, "no sound"},
		"short format":        {riff(chunk("fmt ", "\x01\x00\x01\x00"), sound), media.ErrDamaged, "cut off"},
		"short extensible":    {riff(chunk("fmt ", format(0xfffe, 1, 8000, 16)), sound), media.ErrDamaged, "cut off"},
		"unknown GUID":        {riff(chunk("fmt ", extensible(1, 1, 8000, 16, strings.Repeat("x", 14))), sound), media.ErrUnsupported, "GUID"},
		"extensible twice":    {riff(chunk("fmt ", extensible(0xfffe, 1, 8000, 16, guidTail)), sound), media.ErrUnsupported, "0xfffe"},
		"ADPCM":               {riff(chunk("fmt ", format(2, 1, 8000, 4)), sound), media.ErrUnsupported, "0x2"},
		"float":               {riff(chunk("fmt ", format(3, 1, 8000, 32)), sound), media.ErrUnsupported, "0x3"},
		"PCM of 24 bits":      {riff(chunk("fmt ", format(1, 1, 8000, 24)), sound), media.ErrUnsupported, "24 bits"},
		"PCM without bits":    {riff(chunk("fmt ", format(1, 1, 8000, 16)[:14]), sound), media.ErrUnsupported, "0 bits"},
		"no channel":          {riff(chunk("fmt ", format(1, 0, 8000, 16)), sound), media.ErrDamaged, "no channels"},
		"three channels":      {riff(chunk("fmt ", format(1, 3, 8000, 16)), sound), media.ErrUnsupported, "3 channels"},
		"GSM of two channels": {riff(chunk("fmt ", format(0x31, 2, 8000, 0)), sound), media.ErrUnsupported, "2 channels"},
		"too slow":            {riff(chunk("fmt ", format(1, 1, 7999, 16)), sound), media.ErrUnsupported, "7999"},
		"too fast":            {riff(chunk("fmt ", format(1, 1, 1<<31-1, 16)), sound), media.ErrUnsupported, "samples a second"},
		"chunks without end":  {riff(strings.Repeat(chunk("junk", ""), 5000), fmtPCM, sound), media.ErrDamaged, "format"},
		"GSM too long":        {riff(chunk("fmt ", format(0x31, 1, 8000, 0)), chunk("data", strings.Repeat("\x00", 65*(64<<20/320+1)))), media.ErrUnsupported, "139 minutes"},
	} {
		s, err := media.Decode(row.file)
		if !errors.Is(err, row.want) || len(s.Samples) != 0 {
			t.Errorf("%s: %v, want %v", name, err, row.want)
			continue
		}
		if !sentence.MatchString(err.Error()) || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s is told as %q, want something of %q", name, err, row.says)
		}
	}
}

func TestDecodeReadsWhatEncodeWrites(t *testing.T) {
	s := media.Sound{Rate: 16000, Samples: []int16{0, 8, -8, 1000, -20000, 32767, -32768}}
	for f, same := range map[media.Format]func(int16) int16{
		media.PCM:   func(v int16) int16 { return v },
		media.ALaw:  func(v int16) int16 { return media.FromALaw(media.ToALaw(v)) },
		media.MuLaw: func(v int16) int16 { return media.FromMuLaw(media.ToMuLaw(v)) },
	} {
		for n := range s.Samples {
			part := media.Sound{Rate: s.Rate, Samples: s.Samples[:n]}
			b, err := media.Encode(part, f)
			if err != nil || len(b)%2 != 0 || int(binary.LittleEndian.Uint32(b[4:])) != len(b)-8 {
				t.Fatalf("%#x: %d bytes, %v", f, len(b), err)
			}
			got, err := media.Decode(b)
			if err != nil || got.Rate != s.Rate || len(got.Samples) != n {
				t.Fatalf("%#x: %v, %v", f, got, err)
			}
			for i, v := range got.Samples {
				if v != same(s.Samples[i]) {
					t.Errorf("%#x: sample %d is %d, was %d", f, i, v, s.Samples[i])
				}
			}
		}
	}
}

func TestEncodeRefusesWhatDecodeRefuses(t *testing.T) {
	one := []int16{1}
	for name, row := range map[string]struct {
		s media.Sound
		f media.Format
	}{
		"GSM":         {media.Sound{Rate: 8000, Samples: one}, media.GSM},
		"no format":   {media.Sound{Rate: 8000, Samples: one}, 0},
		"no rate":     {media.Sound{Samples: one}, media.PCM},
		"a device's":  {media.Sound{Rate: 96000, Samples: one}, media.PCM},
		"without end": {media.Sound{Rate: 8000, Samples: make([]int16, 64<<20+1)}, media.MuLaw},
		"too slow":    {media.Sound{Rate: 4000, Samples: one}, media.ALaw},
	} {
		if b, err := media.Encode(row.s, row.f); !errors.Is(err, media.ErrUnsupported) || b != nil {
			t.Errorf("%s: %d bytes, %v", name, len(b), err)
		}
	}
}

// FuzzDecode: for any input the phone gets a sound within bounds or an error.
func FuzzDecode(f *testing.F) {
	for _, name := range []string{"gsm-tone.wav", "gsm-noise.wav"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b[:min(len(b), 400)])
	}
	for _, tag := range []int{1, 6, 7} {
		f.Add(riff(chunk("fmt ", format(tag, 2, 44100, 8)), chunk("LIST", "abc"), chunk("data", "\x80\xff\x80")))
	}
	f.Add(riff(chunk("fmt ", extensible(1, 1, 8000, 16, guidTail)), chunk("fact", "\x01\x00\x00\x00"), chunk("data", "\x80\xff\x80")))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := media.Decode(b)
		if err != nil {
			if !sentence.MatchString(err.Error()) || !errors.Is(err, media.ErrDamaged) && !errors.Is(err, media.ErrUnsupported) {
				t.Errorf("told as %q", err)
			}
			return
		}
		if s.Rate < 8000 || s.Rate > 48000 || len(s.Samples) > 5*len(b) {
			t.Errorf("%d bytes became %d samples at %d Hz", len(b), len(s.Samples), s.Rate)
		}
		again, err := media.Encode(s, media.PCM)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := media.Decode(again); err != nil || back.Rate != s.Rate || !slices.Equal(back.Samples, s.Samples) {
			t.Errorf("what was decoded does not come back: %v", err)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	const seconds = 5 * 60
	mulaw, err := media.Encode(sine(media.Telephone, media.Telephone*seconds, 440), media.MuLaw)
	if err != nil {
		b.Fatal(err)
	}
	gsm := riff(chunk("fmt ", format(0x31, 1, 8000, 0)), chunk("data", strings.Repeat("0123456789abc", 5*25*seconds)))
	for _, row := range []struct {
		name string
		file []byte
	}{{"mulaw5min", mulaw}, {"gsm5min", gsm}} {
		b.Run(row.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if s, err := media.Decode(row.file); err != nil || len(s.Samples) != media.Telephone*seconds {
					b.Fatal(len(s.Samples), err)
				}
			}
		})
	}
}
