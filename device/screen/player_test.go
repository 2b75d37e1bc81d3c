package screen_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/lab/exchange"
	"github.com/ocphone/ocphone/device/screen"
	"github.com/ocphone/ocphone/device/screen/view"
)

// speaker is a loudspeaker that does what a test says.
type speaker struct {
	began chan playing
	tell  chan time.Duration // how far it is
	end   chan error         // what Play returns
}

type playing struct {
	bytes int
	at    time.Duration
}

func newSpeaker() *speaker {
	return &speaker{began: make(chan playing, 8), tell: make(chan time.Duration), end: make(chan error)}
}

func (s *speaker) Play(ctx context.Context, wav []byte, at time.Duration, progress func(time.Duration)) error {
	s.began <- playing{len(wav), at}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case d := <-s.tell:
			progress(d)
		case err := <-s.end:
			return err
		}
	}
}

func withSpeaker(s *speaker) setup {
	return setup{screen: func(o *screen.Options, _ device.Credentials) { o.Player = s }}
}

// message opens the player of a voice mail.
func (r *rig) message(caller string) {
	r.t.Helper()
	r.taps("voicemail")
	r.page("voicemail")
	r.taps(r.row(caller))
	r.page("player")
}

func TestVoiceMailIsPlayedPausedAndReadAtItsEnd(t *testing.T) {
	s := newSpeaker()
	r := newRig(t, withSpeaker(s)).home()
	r.taps("voicemail")
	want(t, r.page("voicemail").Page, "2 new messages", "voicemail.0: | Bob Kelly | New · 0:12", "voicemail.2: | Terry Adams | 0:07")
	r.Tap("back")
	r.message("Bob Kelly")
	want(t, r.View().Page, "+14255550100", "0:12", "play: | Play")
	r.taps("play")
	if p := <-s.began; p.at != 0 || p.bytes != 58+12*8000 {
		t.Errorf("played %+v, want the whole recording from its start", p)
	}
	s.tell <- 3 * time.Second
	v := r.until("how far it is", func(v view.View) bool { return strings.Contains(text(v.Page), "0:03 / 0:12") })
	if c, _ := find(v.Page, "progress"); c.Fraction != 0.25 {
		t.Errorf("progress %+v, want a quarter", c)
	}
	want(t, v.Page, "G.711 µ-law · 94 KB")
	r.taps("pause")
	want(t, r.page("player").Page, "Paused", "0:03 / 0:12")
	r.taps("play")
	if p := <-s.began; p.at != 3*time.Second {
		t.Errorf("goes on at %v, want 3 s", p.at)
	}
	s.end <- nil
	r.until("the message to be read", func(v view.View) bool {
		_, mark := find(v.Page, "mark-read")
		return !mark && v.Status.Voice == 1
	})
	if n, err := r.lab.Exchange.Unread("tu"); n != 1 || err != nil {
		t.Errorf("Exchange has %d unread, %v; want 1", n, err)
	}
}

func TestAMessageWithSeveralRecordingsPlaysThemOneByOne(t *testing.T) {
	s := newSpeaker()
	r := newRig(t, withSpeaker(s)).home()
	r.message("Kerry Miller")
	r.taps("play")
	if p := <-s.began; p.bytes != 58+3*8000 {
		t.Errorf("%d bytes first, want the newest recording of 3 s", p.bytes)
	}
	want(t, r.View().Page, "1 of 3")
	r.taps("next-recording", "play")
	if p := <-s.began; p.bytes != 58+2*8000 || p.at != 0 {
		t.Errorf("%+v then, want the recording of 2 s", p)
	}
	want(t, r.View().Page, "2 of 3")
}

func TestLeavingTheMessageSilencesIt(t *testing.T) {
	s := newSpeaker()
	r := newRig(t, withSpeaker(s)).home()
	r.message("Bob Kelly")
	r.taps("play")
	<-s.began
	r.Tap("back")
	r.page("voicemail")
	select {
	case s.tell <- time.Second: // it may be asked once more before it hears
	default:
	}
	if n, _ := r.lab.Exchange.Unread("tu"); n != 2 {
		t.Errorf("%d unread after a message that was left: want 2", n)
	}
	r.Close() // waits for the loudspeaker to be let go
}

func TestWhatCannotBePlayedSaysSo(t *testing.T) {
	s := newSpeaker()
	r := newRig(t, withSpeaker(s)).home()
	r.message("Terry Adams")
	r.taps("play")
	v := r.until("the reason", func(v view.View) bool { _, ok := find(v.Page, "cannot"); return ok })
	want(t, v.Page, "Windows Media", "Outlook can")
	if _, ok := find(v.Page, "play"); ok || len(s.began) > 0 {
		t.Error("Windows Media is offered or played")
	}
	r.Tap("back")
	r.Tap("back")
	r.message("Bob Kelly")
	r.taps("play")
	<-s.began
	s.end <- errors.New("the card is gone")
	v = r.until("the failure", func(v view.View) bool { _, ok := find(v.Page, "problem"); return ok })
	want(t, v.Page, "cannot be played", "The card is gone.", "play: | Play", "mark-read")
}

func TestFailureOfExchangeIsShown(t *testing.T) {
	s := newSpeaker()
	for name, c := range map[string]struct {
		fault exchange.Faults
		does  []string
		want  string
	}{
		"too large":       {exchange.Faults{HugeAttachment: 9 << 20}, []string{"play"}, "larger than 8192 KB"},
		"bad base64":      {exchange.Faults{CorruptBase64: true}, []string{"play"}, ""},
		"no such item":    {exchange.Faults{Codes: map[string]string{"GetItem": "ErrorItemNotFound"}}, []string{"play"}, ""},
		"no attachment":   {exchange.Faults{Codes: map[string]string{"GetAttachment": "ErrorAccessDenied"}}, []string{"play"}, ""},
		"cannot delete":   {exchange.Faults{Codes: map[string]string{"DeleteItem": "ErrorAccessDenied"}}, []string{"delete", "yes"}, ""},
		"cannot mark":     {exchange.Faults{Codes: map[string]string{"UpdateItem": "ErrorAccessDenied"}}, []string{"mark-read"}, ""},
		"the server died": {exchange.Faults{Status: 500}, []string{"play"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, withSpeaker(s)).home()
			r.message("Bob Kelly")
			r.lab.Exchange.SetFaults(c.fault)
			r.taps(c.does...)
			v := r.until("the failure", func(v view.View) bool { _, ok := find(v.Page, "problem"); return ok })
			want(t, v.Page, c.want)
			p, _ := find(v.Page, "problem")
			if strings.Contains(text(v.Page), "[") || p.Text == "" || p.Second == "" && c.want == "" {
				t.Errorf("it is not told what to do: %+v", p)
			}
			r.lab.Exchange.SetFaults(exchange.Faults{})
			if name == "cannot mark" {
				r.taps("mark-read")
				r.until("the message to be read", func(v view.View) bool { return v.Status.Voice == 1 })
			}
		})
	}
}

func TestDeletingAsksFirst(t *testing.T) {
	r := newRig(t, setup{}).home()
	r.message("Bob Kelly")
	r.taps("delete")
	want(t, *r.dialog("voicemail-delete").Dialog, "Bob Kelly")
	r.taps("cancel")
	want(t, r.page("player").Page, "Bob Kelly")
	if n := r.lab.Exchange.Counters().Operations["DeleteItem"]; n != 0 {
		t.Fatalf("%d messages were deleted after Cancel", n)
	}
	r.taps("delete", "yes")
	v := r.page("voicemail")
	if v.Page.List.Len != 2 || strings.Contains(text(v.Page), "Bob Kelly") {
		t.Errorf("the message is still there:\n%s", shown(v))
	}
}

func TestWithoutALoudspeakerARecordingIsCheckedNotHeard(t *testing.T) {
	r := newRig(t, setup{}).home()
	r.message("Bob Kelly")
	want(t, r.View().Page, "There is no loudspeaker here.", "play: | Check")
	r.taps("play")
	v := r.until("what the recording is", func(v view.View) bool {
		_, ok := find(v.Page, "silent")
		return ok && strings.Contains(text(v.Page), "format:")
	})
	want(t, v.Page, "G.711 µ-law · 94 KB", "There is no loudspeaker here.")
	if v.Status.Voice != 2 {
		t.Error("a message that nobody has heard counts as read")
	}
	r.taps("mark-read")
	r.until("the message to be read", func(v view.View) bool { return v.Status.Voice == 1 })
	r.taps("call-back")
	want(t, r.page("dial").Page, "+14255550100")
}

func TestClosingDuringAFetchEndsIt(t *testing.T) {
	r := newRig(t, withSpeaker(newSpeaker())).home()
	r.message("Bob Kelly")
	held := make(chan struct{})
	r.lab.Exchange.SetFaults(exchange.Faults{Hold: func(ctx context.Context, _ string) {
		close(held)
		<-ctx.Done()
	}})
	r.taps("play")
	<-held
	if c, ok := find(r.View().Page, "progress"); !ok || c.Fraction >= 0 {
		t.Errorf("the fetching is not shown: %+v", c)
	}
	r.Close()
}
