package media

import "math"

// The filter of Resample: a sinc with a Kaiser window. These values attenuate
// aliases by about 70 dB and do not change speech. They are chosen here.
const (
	lobes     = 16   // zero crossings on each side of the centre
	kaiser    = 7.0  // shape of the window
	passband  = 0.92 // of the lower of both rates
	maxPhases = 1024 // positions between two samples; others are rounded down
)

// The range of rates, in Hz.
const (
	minDeviceRate = 1000
	maxDeviceRate = 192000
)

// Resample returns the same sound with another sample rate. For a rate below 1 kHz
// or above 192 kHz it returns a Sound of length 0.
func (s Sound) Resample(rate int) Sound {
	if rate == s.Rate {
		return s
	}
	if min(rate, s.Rate) < minDeviceRate || max(rate, s.Rate) > maxDeviceRate || len(s.Samples) == 0 {
		return Sound{Rate: rate}
	}
	step := gcd(s.Rate, rate)
	up, down := rate/step, s.Rate/step
	rows, reach := filter(up, down)

	n := (int64(len(s.Samples))*int64(up) + int64(down) - 1) / int64(down)
	out := make([]int16, n)
	at, part := 0, 0 // the position in s: at + part/up samples
	for i := range out {
		row := rows[part*len(rows)/up]
		first := at - reach + 1
		sum := float32(0)
		if first >= 0 && first+len(row) <= len(s.Samples) {
			for j, v := range s.Samples[first : first+len(row)] {
				sum += row[j] * float32(v)
			}
		} else {
			for j, w := range row {
				if k := first + j; k >= 0 && k < len(s.Samples) {
					sum += w * float32(s.Samples[k])
				}
			}
		}
		out[i] = clip(float64(sum))
		part += down
		at += part / up
		part %= up
	}
	return Sound{rate, out}
}

// filter returns a row of weights for each of the up positions between two samples
// that a new sample can have. A row begins reach-1 samples before its position.
func filter(up, down int) (rows [][]float32, reach int) {
	cutoff := passband
	if down > up {
		cutoff *= float64(up) / float64(down)
	}
	width := lobes / cutoff
	reach = int(math.Ceil(width))
	rows = make([][]float32, min(up, maxPhases))
	for p := range rows {
		row, sum := make([]float64, 2*reach), 0.0
		for j := range row {
			x := float64(j-reach+1) - float64(p)/float64(len(rows))
			if math.Abs(x) < width {
				row[j] = sinc(x*cutoff) * bessel(kaiser*math.Sqrt(1-x*x/(width*width)))
			}
			sum += row[j]
		}
		rows[p] = make([]float32, len(row))
		for j, w := range row {
			rows[p][j] = float32(w / sum) // a constant level does not change
		}
	}
	return rows, reach
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// bessel is the modified Bessel function of the first kind, order 0.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > sum*1e-12; k++ {
		term *= x / (2 * k) * (x / (2 * k))
		sum += term
	}
	return sum
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
