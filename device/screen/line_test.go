package screen_test

import (
	"testing"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/clock"
	"github.com/ocphone/ocphone/device/screen"
	"github.com/ocphone/ocphone/device/screen/view"
)

// push presses and releases keys of the body.
func (r *rig) push(keys ...view.Key) {
	for _, k := range keys {
		r.Press(k)
		r.Release(k)
	}
}

func TestSpeakerAndHeadsetTakeTheLine(t *testing.T) {
	for key, lamp := range map[view.Key]view.Lamps{view.KeySpeaker: {Speaker: true}, view.KeyHeadset: {Headset: true}} {
		t.Run(string(key), func(t *testing.T) {
			c := clock.New(time.Now())
			r := newRig(t, setup{time: c}).home()
			lamps := func() view.Lamps { l := r.View().Lamps; l.Message = false; return l }
			r.push(key)
			if v := r.page("dial"); lamps() != lamp || v.Sound != view.DialTone || v.Hook {
				t.Errorf("lamps %+v, sound %q, receiver lifted %v", lamps(), v.Sound, v.Hook)
			}
			r.push(view.Key5)
			if v := r.page("dial"); v.Sound != view.Silence {
				t.Errorf("after a digit it sounds %q", v.Sound)
			}
			r.push(view.KeyDelete)
			if v := r.page("dial"); v.Sound != view.DialTone {
				t.Errorf("with no digit it sounds %q", v.Sound)
			}
			c.Advance(time.Minute)
			if v := r.page("dial"); v.Sound != view.Silence || lamps() != lamp {
				t.Errorf("a minute later it sounds %q, lamps %+v", v.Sound, lamps())
			}
			r.push(key)
			if v := r.page("home"); lamps() != (view.Lamps{}) || v.Sound != view.Silence {
				t.Errorf("put down: lamps %+v, sound %q", lamps(), v.Sound)
			}
			r.push(key, view.KeyEnd)
			if r.page("home"); lamps() != (view.Lamps{}) {
				t.Errorf("the red key leaves lamps %+v", lamps())
			}
		})
	}
}

func TestReceiverAndSpeakerHandTheLineOver(t *testing.T) {
	r := newRig(t, setup{}).home()
	r.Lift(true)
	r.push(view.KeySpeaker)
	r.Lift(false)
	if v := r.page("dial"); !v.Lamps.Speaker {
		t.Error("the receiver was put down, and the line is not on the loudspeaker")
	}
	r.Lift(true)
	if v := r.View(); v.Lamps.Speaker {
		t.Error("the receiver was lifted, and the lamp of the loudspeaker is lit")
	}
	r.push(view.KeySpeaker, view.KeySpeaker)
	if v := r.page("dial"); v.Lamps.Speaker || !v.Hook {
		t.Errorf("the loudspeaker is off: lamp %v, receiver lifted %v", v.Lamps.Speaker, v.Hook)
	}
	r.Lift(false)
	r.page("home")
}

func TestKeysThatCanDoNothingSayWhy(t *testing.T) {
	c := clock.New(time.Now())
	r := newRig(t, setup{time: c, screen: func(o *screen.Options, _ device.Credentials) { o.Lang = "de" }}).on()
	r.page("signin")
	for key, says := range map[view.Key]string{
		view.KeyMute:    "Es gibt kein Gespräch zum Stummschalten.",
		view.KeySpeaker: "Melden Sie sich erst an: Es gibt noch keine Leitung.",
	} {
		r.push(key)
		if v := r.page("signin"); v.Note == nil || v.Note.Text != says || v.Lamps != (view.Lamps{}) {
			t.Errorf("%s: note %+v, lamps %+v", key, v.Note, v.Lamps)
		}
	}
	c.Advance(time.Minute)
	if v := r.page("signin"); v.Note != nil {
		t.Errorf("a minute later it still says %q", v.Note.Text)
	}
	locked := newLocked(t, pin)
	locked.page("lock")
	locked.push(view.KeySpeaker)
	if v := locked.View(); v.Note == nil || v.Note.Text != "Unlock the phone first." || v.Lamps.Speaker {
		t.Errorf("locked: note %+v, lamps %+v", v.Note, v.Lamps)
	}
}

func TestVolumeKeysTurnWhatIsHeard(t *testing.T) {
	r := newRig(t, setup{}).home()
	for _, row := range []struct {
		do   func()
		says string
	}{
		{func() {}, "Ringing"},
		{func() { r.push(view.KeySpeaker) }, "Speaker"},
		{func() { r.push(view.KeyHeadset) }, "Receiver"},
		{func() { r.push(view.KeyHeadset); r.Lift(true) }, "Receiver"},
	} {
		row.do()
		before := r.View().Page.ID
		r.push(view.KeyVolumeUp)
		v := r.View()
		if n := v.Note; n == nil || n.Text != row.says || n.Role != view.Progress || n.Value == "" || v.Page.ID != before {
			t.Errorf("want the level of %s over page %s; note %+v over page %s", row.says, before, n, v.Page.ID)
		}
	}
}
