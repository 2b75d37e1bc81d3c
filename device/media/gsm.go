package media

// This file decodes GSM full rate: ETSI GSM 06.10, section 5.3, whose arithmetic
// of 16 bits it follows bit by bit (numbers in brackets are its sections).
// A frame of 260 bits is 160 samples: a filter of the vocal tract (eight
// reflection coefficients, sent as log area ratios, LAR) with four excitations of
// 40 samples, each made of 13 regular pulses and of the excitation one pitch
// period before.

// Sizes of GSM 06.10 and of its blocks in WAV, which are Microsoft's: the bits of
// two frames without gaps, the least significant first.
const (
	gsmFrame   = 160 // samples
	gsmSegment = 40  // samples, a quarter of it
	gsmPulses  = 13
	gsmOrder   = 8   // of the filter
	gsmMaxLag  = 120 // samples, the longest pitch period
	gsmMinLag  = 40

	gsmBits         = 260
	gsmBlockBytes   = 65
	gsmBlockSamples = 2 * gsmFrame
	gsmHalfBlock    = (gsmBits + 7) / 8 // bytes that contain the first frame
)

// gsmLAR is the coding of a log area ratio (tables 5.1, 5.2): the number of bits,
// and the numbers B, MIC and INVA of the decoder.
type gsmLAR struct {
	bits         int
	b, mic, inva int16
}

var (
	gsmLARs = [gsmOrder]gsmLAR{
		{6, 0, -32, 13107}, {6, 0, -32, 13107}, {5, 2048, -16, 13107}, {5, -2560, -16, 13107},
		{4, 94, -8, 19223}, {4, -1792, -8, 17476}, {3, -341, -4, 31454}, {3, -1144, -4, 29708},
	}
	gsmGain   = [4]int16{3277, 11469, 21299, 32767}                                    // QLB, table 5.3b
	gsmFactor = [8]int16{18431, 20479, 22527, 24575, 26623, 28671, 30719, 32767}       // FAC, table 5.6
	gsmSpans  = [4]struct{ from, to int }{{0, 13}, {13, 27}, {27, 40}, {40, gsmFrame}} // 5.2.9.1
)

// gsmDecoder is the state of a decoder between frames.
type gsmDecoder struct {
	lar     [gsmOrder]int16               // of the frame before
	past    [gsmMaxLag + gsmSegment]int16 // drp: excitation, the newest segment last
	lag     int                           // nrp
	lattice [gsmOrder + 1]int16           // v
	last    int16                         // msr
}

// decode appends the 160 samples of the frame that begins at the bit reader.
func (d *gsmDecoder) decode(out []int16, in *gsmReader) []int16 {
	var lar [gsmOrder]int16
	for i, l := range gsmLARs {
		v := sat(int32(in.take(l.bits)+l.mic)<<10 - int32(l.b)<<1) // 5.2.8
		v = mulR(l.inva, v)
		lar[i] = add(v, v)
	}
	var frame [gsmFrame]int16
	for j := range 4 {
		d.excite(in)
		copy(frame[j*gsmSegment:], d.past[gsmMaxLag:])
	}
	for i, span := range gsmSpans {
		d.synthesize(frame[span.from:span.to], d.reflection(lar, i))
	}
	d.lar = lar
	for _, v := range frame { // 5.3.5, 5.3.6, 5.3.7
		d.last = add(v, mulR(d.last, 28180))
		out = append(out, add(d.last, d.last)&^7)
	}
	return out
}

// excite reads a segment and appends its excitation to d.past: pulses on one of
// four grids (5.2.15 to 5.2.17) and the excitation one lag before (5.3.2).
func (d *gsmDecoder) excite(in *gsmReader) {
	lag, gain, grid, peak := int(in.take(7)), gsmGain[in.take(2)], int(in.take(2)), in.take(6)
	if lag >= gsmMinLag && lag <= gsmMaxLag {
		d.lag = lag
	}
	exponent, mantissa := int16(0), peak
	if peak > 15 {
		exponent = peak>>3 - 1
		mantissa = peak - exponent<<3
	}
	if mantissa == 0 {
		exponent, mantissa = -4, 7
	} else {
		for mantissa <= 7 {
			mantissa = mantissa<<1 | 1
			exponent--
		}
		mantissa -= 8
	}
	var pulses [gsmSegment]int16
	shift := uint(6 - exponent)
	half := int16(0)
	if shift > 0 {
		half = 1 << (shift - 1)
	}
	for i := range gsmPulses {
		v := mulR(gsmFactor[mantissa], (in.take(3)<<1-7)<<12)
		pulses[grid+3*i] = add(v, half) >> shift
	}
	copy(d.past[:], d.past[gsmSegment:])
	for k, p := range pulses {
		at := gsmMaxLag + k
		d.past[at] = add(p, mulR(gain, d.past[at-d.lag]))
	}
}

// reflection returns the filter's coefficients for one of the four spans of a
// frame. They are interpolated between the previous frame and this one (5.2.9).
func (d *gsmDecoder) reflection(lar [gsmOrder]int16, span int) (r [gsmOrder]int16) {
	for i, now := range lar {
		before := d.lar[i]
		v := now
		switch span {
		case 0:
			v = add(add(before>>2, now>>2), before>>1)
		case 1:
			v = add(before>>1, now>>1)
		case 2:
			v = add(add(before>>2, now>>2), now>>1)
		}
		height := max(v, -v)
		if v == -1<<15 {
			height = 1<<15 - 1
		}
		switch {
		case height < 11059:
			height <<= 1
		case height < 20070:
			height += 11059
		default:
			height = add(height>>2, 26112)
		}
		if r[i] = height; v < 0 {
			r[i] = -height
		}
	}
	return r
}

// synthesize filters the excitation in place (5.3.4).
func (d *gsmDecoder) synthesize(s []int16, r [gsmOrder]int16) {
	for k, v := range s {
		for i := gsmOrder - 1; i >= 0; i-- {
			v = sat(int32(v) - int32(mulR(r[i], d.lattice[i])))
			d.lattice[i+1] = add(d.lattice[i], mulR(r[i], v))
		}
		d.lattice[0] = v
		s[k] = v
	}
}

// sat, add and mulR are the operators of 5.1: they saturate.
func sat(v int32) int16 { return int16(min(max(v, -1<<15), 1<<15-1)) }

func add(a, b int16) int16 { return sat(int32(a) + int32(b)) }

func mulR(a, b int16) int16 { return sat((int32(a)*int32(b) + 1<<14) >> 15) }

// gsmReader reads numbers from a block of WAV.
type gsmReader struct {
	b    []byte
	used int // bits
}

func (r *gsmReader) take(bits int) (v int16) {
	for i := range bits {
		v |= int16(r.b[r.used>>3]>>(r.used&7)&1) << i
		r.used++
	}
	return v
}

// decodeGSM decodes blocks of WAV. Of an incomplete last block it decodes the first
// frame, if that is complete.
func decodeGSM(b []byte) []int16 {
	out := make([]int16, 0, gsmSamples(len(b)))
	d := gsmDecoder{lag: gsmMinLag}
	for len(b) >= gsmHalfBlock {
		block := b[:min(gsmBlockBytes, len(b))]
		b = b[len(block):]
		in := gsmReader{b: block}
		out = d.decode(out, &in)
		if len(block) == gsmBlockBytes {
			out = d.decode(out, &in)
		}
	}
	return out
}

// gsmSamples returns the number of samples in n bytes of blocks.
func gsmSamples(n int) int {
	samples := n / gsmBlockBytes * gsmBlockSamples
	if n%gsmBlockBytes >= gsmHalfBlock {
		samples += gsmFrame
	}
	return samples
}
