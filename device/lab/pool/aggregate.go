package pool

import (
	"encoding/xml"
	"strings"
)

// Availabilities (docs/protocol/presence.md#publishing): the start of the range
// "away", and "offline".
const (
	away    = 15000
	offline = 18500
)

type publishedState struct {
	Type         string `xml:"type,attr"`
	Availability int    `xml:"availability"`
}

// aggregate combines the availabilities that the user's endpoints publish into
// container 2 (docs/protocol/presence.md#aggregation, without activities): the
// most active device; the user's own state if it is less available; and the states
// of calls and the calendar, unless the user is away.
func aggregate(of map[slot]*publication, endpoints int) int {
	machine, user, other := 0, 0, 0
	for at, p := range of {
		var s publishedState
		if at.category != "state" || at.container != 2 || p.epid == "" || xml.Unmarshal([]byte(p.body), &s) != nil {
			continue
		}
		kind := s.Type[strings.LastIndexByte(s.Type, ':')+1:]
		switch {
		case kind == "machineState" && (machine == 0 || s.Availability < machine):
			machine = s.Availability
		case kind == "machineState":
		case kind == "userState":
			user = max(user, s.Availability)
		default:
			other = max(other, s.Availability)
		}
	}
	if endpoints == 0 || machine == 0 {
		return offline
	}
	if machine = max(machine, user); machine >= away {
		return machine
	}
	return max(machine, other)
}
