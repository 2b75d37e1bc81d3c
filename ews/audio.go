package ews

import (
	"bytes"
	"encoding/binary"
)

// Audio is the format of a recording by its first bytes; content type and name may
// be wrong (docs/protocol/exchange-items.md#item-classes-and-properties).
type Audio string

// The formats of Unified Messaging. The phone plays the first three; the rest
// need Play on Phone.
const (
	AudioUnknown Audio = ""
	AudioALaw    Audio = "wav/g711-alaw"
	AudioMuLaw   Audio = "wav/g711-mulaw"
	AudioGSM     Audio = "wav/gsm610"
	AudioWAV     Audio = "wav" // another codec in WAV
	AudioWMA     Audio = "wma" // Windows Media Audio 9 Voice
	AudioMP3     Audio = "mp3" // Exchange 2010 and later
)

// audioHead is how many bytes DetectAudio needs.
const audioHead = 512

// asf is the GUID of the header object of an ASF file (WMA).
const asf = "\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c"

// DetectAudio returns the format by the first bytes of a recording; 512 are enough
// unless other chunks come before the format chunk of a WAV file.
func DetectAudio(head []byte) Audio {
	switch {
	case bytes.HasPrefix(head, []byte(asf)):
		return AudioWMA
	case bytes.HasPrefix(head, []byte("ID3")), len(head) > 1 && head[0] == 0xff && head[1]&0xe6 == 0xe2:
		return AudioMP3
	case len(head) < 12 || string(head[:4]) != "RIFF" || string(head[8:12]) != "WAVE":
		return AudioUnknown
	}
	for rest := head[12:]; len(rest) >= 10; {
		size := binary.LittleEndian.Uint32(rest[4:])
		if string(rest[:4]) == "fmt " {
			switch binary.LittleEndian.Uint16(rest[8:]) {
			case 6:
				return AudioALaw
			case 7:
				return AudioMuLaw
			case 0x31:
				return AudioGSM
			}
			return AudioWAV
		}
		skip := 8 + uint64(size) + uint64(size&1)
		if skip >= uint64(len(rest)) {
			break
		}
		rest = rest[skip:]
	}
	return AudioWAV
}
