package art

import "math"

// Field is a signed distance: below 0 inside a shape, above 0 outside, in
// design units.
type Field func(x, y float64) float64

// Box bounds what a shape touches, in design units.
type Box struct{ X, Y, W, H float64 }

// Grow returns the box with d more on each side.
func (b Box) Grow(d float64) Box { return Box{b.X - d, b.Y - d, b.W + 2*d, b.H + 2*d} }

// Round is the rounded rectangle that fills the box.
func (b Box) Round(r float64) Field {
	r = min(r, b.W/2, b.H/2)
	midX, midY := b.X+b.W/2, b.Y+b.H/2
	flatX, flatY := b.W/2-r, b.H/2-r
	return func(x, y float64) float64 {
		dx, dy := math.Abs(x-midX)-flatX, math.Abs(y-midY)-flatY
		switch {
		case dx <= 0:
			return max(dx, dy) - r
		case dy <= 0:
			return dx - r
		}
		return math.Sqrt(dx*dx+dy*dy) - r
	}
}

// around is the box of a circle.
func around(x, y, r float64) Box { return Box{x - r, y - r, 2 * r, 2 * r} }

// Capsule is a straight line of the radius r with round ends.
func Capsule(x0, y0, x1, y1, r float64) Field {
	vx, vy := x1-x0, y1-y0
	inv := 0.0
	if n := vx*vx + vy*vy; n > 0 {
		inv = 1 / n
	}
	return func(x, y float64) float64 {
		x, y = x-x0, y-y0
		t := clamp((x*vx + y*vy) * inv)
		x, y = x-t*vx, y-t*vy
		return math.Sqrt(x*x+y*y) - r
	}
}

// Arc is a part of a ring, r thick on either side: it begins at the angle
// from, in radians clockwise from the right, and goes on for sweep.
func Arc(cx, cy, radius, r, from, sweep float64) Field {
	s0, c0 := math.Sincos(from)
	s1, c1 := math.Sincos(from + sweep)
	return func(x, y float64) float64 {
		x, y = x-cx, y-cy
		a := math.Mod(math.Atan2(y, x)-from, 2*math.Pi)
		if a < 0 {
			a += 2 * math.Pi
		}
		if a <= sweep {
			return math.Abs(math.Sqrt(x*x+y*y)-radius) - r
		}
		return min(math.Hypot(x-radius*c0, y-radius*s0), math.Hypot(x-radius*c1, y-radius*s1)) - r
	}
}

// Polygon is a filled polygon of x, y pairs.
func Polygon(p ...float64) Field {
	n := len(p) / 2
	return func(x, y float64) float64 {
		near, side := math.Inf(1), 1.0
		for i, j := 0, n-1; i < n; j, i = i, i+1 {
			ex, ey := p[2*j]-p[2*i], p[2*j+1]-p[2*i+1]
			wx, wy := x-p[2*i], y-p[2*i+1]
			t := clamp((wx*ex + wy*ey) / (ex*ex + ey*ey))
			bx, by := wx-ex*t, wy-ey*t
			near = min(near, bx*bx+by*by)
			above, below, left := y >= p[2*i+1], y < p[2*j+1], ex*wy > ey*wx
			if above == below && below == left {
				side = -side
			}
		}
		return side * math.Sqrt(near)
	}
}

// Union joins fields; where smooth is above 0, joints are rounded over that length.
func Union(smooth float64, fs ...Field) Field {
	return func(x, y float64) float64 {
		d := fs[0](x, y)
		for _, f := range fs[1:] {
			e := f(x, y)
			if gap := smooth - math.Abs(d-e); gap > 0 {
				d = min(d, e) - gap*gap/(4*smooth)
			} else {
				d = min(d, e)
			}
		}
		return d
	}
}

// Subtract takes the second shape out of the first.
func Subtract(f, out Field) Field {
	return func(x, y float64) float64 { return max(f(x, y), -out(x, y)) }
}

// Intersect is what two shapes have in common.
func Intersect(f, g Field) Field {
	return func(x, y float64) float64 { return max(f(x, y), g(x, y)) }
}

// Rotate is the shape turned clockwise around a point, by an angle in degrees.
func Rotate(f Field, cx, cy, degrees float64) Field {
	s, c := math.Sincos(degrees * math.Pi / 180)
	return func(x, y float64) float64 {
		x, y = x-cx, y-cy
		return f(cx+c*x+s*y, cy-s*x+c*y)
	}
}

// Scale moves the shape's origin to x, y and makes it k times as large.
func Scale(f Field, x, y, k float64) Field {
	return func(px, py float64) float64 { return f((px-x)/k, (py-y)/k) * k }
}

func clamp(v float64) float64 { return min(max(v, 0), 1) }

// ease is a smooth step from 0 at a to 1 at b.
func ease(a, b, v float64) float64 {
	t := clamp((v - a) / (b - a))
	return t * t * (3 - 2*t)
}
