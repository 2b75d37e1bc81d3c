package media

import "math/bits"

// FromMuLaw decodes a µ-law character of ITU-T G.711 to a 16-bit sample: four times
// the value of table 2.
func FromMuLaw(code byte) int16 { return muLaw[code] }

// FromALaw decodes an A-law character of ITU-T G.711, with its even bits inverted as
// on the line, to a 16-bit sample: eight times the value of table 1.
func FromALaw(code byte) int16 { return aLaw[code] }

var (
	muLaw = table(expandMuLaw)
	aLaw  = table(expandALaw)
)

func table(expand func(code byte) int16) (t [256]int16) {
	for i := range t {
		t[i] = expand(byte(i))
	}
	return t
}

// The characters of G.711 have a sign, the number of a segment (3 bits) and a
// step in it (4 bits). Segments double in width; a bias makes their edges powers
// of two.
const (
	muLawBias    = 33 << 2 // of the 14-bit values of table 2
	muLawClip    = 1<<15 - 1 - muLawBias
	aLawInverted = 0x55 // even bits: G.711 table 1, note 2
	signBit      = 0x80
)

func expandMuLaw(code byte) int16 {
	code = ^code
	v := (int16(code&0x0f)<<3+muLawBias)<<(code>>4&7) - muLawBias
	if code&signBit != 0 {
		return -v
	}
	return v
}

func expandALaw(code byte) int16 {
	code ^= aLawInverted
	v, segment := int16(code&0x0f)<<4+8, code>>4&7 // the middle of the step
	if segment > 0 {                               // the first two are equally wide
		v = (v + 1<<8) << (segment - 1)
	}
	if code&signBit == 0 {
		return -v
	}
	return v
}

// ToMuLaw encodes a sample: it returns the character of the interval that contains
// the sample (G.711 table 2).
func ToMuLaw(sample int16) byte {
	v, sign := magnitude(sample)
	v = min(v, muLawClip) + muLawBias
	segment := bits.Len(uint(v)) - 8
	return ^(sign | byte(segment<<4) | byte(v>>(segment+3)&0x0f))
}

// ToALaw encodes a sample: it returns the character of the interval that contains
// the sample (G.711 table 1).
func ToALaw(sample int16) byte {
	v, sign := magnitude(sample)
	segment := max(bits.Len(uint(v))-8, 0)
	code := byte(segment<<4) | byte(v>>(max(segment, 1)+3)&0x0f)
	return code ^ sign ^ signBit ^ aLawInverted // a positive sign is 1
}

// magnitude maps negative values to positive ones by one's complement: -1 has the
// magnitude of 0 and the other sign (G.711 tables 1b, 2b).
func magnitude(sample int16) (v int, sign byte) {
	if sample < 0 {
		return int(^sample), signBit
	}
	return int(sample), 0
}
