package network

import (
	"cmp"
	"slices"
)

// SRV is one server of a service (RFC 2782). Target has no final dot.
type SRV struct {
	Target                 string
	Port, Priority, Weight uint16
}

// order sorts records into the order to try them: by priority, and within one
// priority at random, in proportion to the weights.
func (n *Network) order(records []SRV) {
	slices.SortStableFunc(records, func(a, b SRV) int {
		// Weight 0 comes first, which gives it "a very small chance" (RFC 2782).
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(min(a.Weight, 1), min(b.Weight, 1)))
	})
	for i := range records {
		sum, end := 0, i
		for ; end < len(records) && records[end].Priority == records[i].Priority; end++ {
			sum += int(records[end].Weight)
		}
		pick, running := n.opt.IntN(sum+1), 0
		for j := i; j < end; j++ {
			if running += int(records[j].Weight); running >= pick {
				chosen := records[j]
				copy(records[i+1:j+1], records[i:j])
				records[i] = chosen
				break
			}
		}
	}
}
