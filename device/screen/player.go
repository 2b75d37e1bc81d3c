package screen

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/screen/view"
)

// playerPage plays one voice mail. It fetches the recording when Play is tapped.
type playerPage struct {
	builtPage
	s         *Screen
	messageID string    // at Exchange
	shown     voicemail // as of the last view

	state      playState
	generation int                // of background work; results of an older one are dropped
	cancel     context.CancelFunc // of the work under way; nil: none
	done       chan struct{}      // closed when the last work has released the loudspeaker
	index      int                // of the recording, from 0
	count      int                // of recordings; 0: not known yet
	recording  []byte             // nil: not fetched
	format     string             // its format, by its first bytes
	received   int                // bytes, while it is fetched
	position   time.Duration      // to which it was played
	problems   []string           // sentences
	markedRead bool               // by this page
}

// playState is what the page is doing.
type playState string

const (
	playIdle     playState = ""
	playFetching playState = "fetching"
	playPlaying  playState = "playing"
	playDeleting playState = "deleting"
)

// Soft keys of the player that tests tap.
const (
	playID   = "play"
	backID   = "call-back"
	deleteID = "delete"
)

func newPlayerPage(s *Screen, messageID string) page {
	p := &playerPage{s: s, messageID: messageID}
	p.builtPage = builtPage{id: "player", digits: newDialPage, build: p.show}
	return p
}

func (p *playerPage) show(d pageContext, b *pageBuilder) {
	b.Title = d.say("player.title")
	m, there := p.find(d)
	if p.shown = m; !there {
		b.addMailboxLines(d)
		b.add(textLine("gone", d.say("player.gone"), view.IconInfo, view.ToneNone))
		return
	}
	b.add(heading("caller", m.caller(d.texts), view.IconVoicemail, view.ToneNone))
	if m.number != "" && m.name != "" {
		b.label("from", d.say("player.number"), d.readable(m.number))
	}
	b.add(view.Control{ID: "when", Role: view.Label, Text: d.say("player.when"), Value: d.when(m.Received)})
	if m.Duration > 0 {
		b.label("length", d.say("player.length"), minutes(m.Duration))
	}
	if p.count > 1 {
		which := d.say("player.which", "Number", p.index+1, "Total", p.count)
		b.label("recording", d.say("player.recording"), which)
	}
	if p.format != "" {
		b.label("format", d.say("player.format"), joined(d.codec(p.format), d.kilobytes(len(p.recording))))
	}
	b.add(p.statusControls(d, m)...)
	p.softKeys(d, m, b)
}

// find gives the message as the mailbox has it now.
func (p *playerPage) find(d pageContext) (voicemail, bool) {
	all := d.contacts().voicemails(d)
	i := slices.IndexFunc(all, func(m voicemail) bool { return m.ID.ID == p.messageID })
	if i < 0 {
		return voicemail{}, false
	}
	return all[i], true
}

// statusControls show the progress, or why the message cannot be played.
func (p *playerPage) statusControls(d pageContext, m voicemail) []view.Control {
	switch {
	case p.state == playDeleting:
		return []view.Control{{ID: "progress", Role: view.Progress, Text: d.say("player.deleting"), Fraction: -1}}
	case p.state == playFetching:
		c := view.Control{ID: "progress", Role: view.Progress, Text: d.say("player.fetching"), Fraction: -1}
		c.Value = d.kilobytes(p.received)
		return []view.Control{c}
	case m.Protected:
		return []view.Control{textLine("cannot", d.say("player.protected"), view.NoIcon, view.ToneWarn)}
	case len(p.problems) > 0:
		c := textLine("problem", p.problems[0], view.IconError, view.ToneBad)
		if len(p.problems) > 1 {
			c.Second = p.problems[1]
		}
		return []view.Control{c}
	case p.recording != nil && !playable(p.format):
		cannot := d.say("player.unplayable", "Format", d.codec(p.format))
		return []view.Control{textLine("cannot", cannot, view.NoIcon, view.ToneWarn)}
	case p.s.opt.Player == nil:
		return []view.Control{textLine("silent", d.say("player.silent"), view.NoIcon, view.ToneDim)}
	case p.state == playPlaying || p.position > 0:
		c := view.Control{ID: "progress", Role: view.Progress, Text: d.say("player.playing"), Fraction: -1}
		c.Value = minutes(p.position)
		if p.state != playPlaying {
			c.Text = d.say("player.paused")
		}
		if p.count < 2 && m.Duration > 0 { // the length is that of all recordings otherwise
			c.Value += " / " + minutes(m.Duration)
			c.Fraction = min(1, p.position.Seconds()/m.Duration.Seconds())
		}
		return []view.Control{c}
	}
	return nil
}

// softKeys adds the soft keys.
func (p *playerPage) softKeys(d pageContext, m voicemail, b *pageBuilder) {
	switch {
	case p.state == playFetching:
		b.softKey("pause", d.say("player.stop"), view.IconPause, p.pause)
	case p.state == playPlaying:
		b.softKey("pause", d.say("player.pause"), view.IconPause, p.pause)
	case m.Protected || p.recording != nil && (!playable(p.format) || p.s.opt.Player == nil):
	case p.s.opt.Player == nil:
		b.softKey(playID, d.say("player.check"), view.IconInfo, p.play)
	default:
		b.softKey(playID, d.say("player.play"), view.IconPlay, p.play)
	}
	if p.count > 1 {
		b.softKey("next-recording", d.say("player.next"), view.IconVoicemail, p.next)
	}
	if !m.Read && !p.markedRead {
		b.softKey("mark-read", d.say("player.mark"), view.IconOK, p.markRead)
	}
	if m.number != "" {
		b.softKey(backID, d.say("player.callBack"), view.IconDial, func(s *Screen) {
			p.stop()
			s.open(newDialPage(s, m.number))
		})
	}
	b.softKey(deleteID, d.say("player.delete"), view.IconDelete, p.askDelete)
	for i := range b.Nav {
		b.Nav[i].Off = p.state == playDeleting
	}
}

func (p *playerPage) pause(*Screen) { p.stop() }

// next chooses the next recording of the message.
func (p *playerPage) next(*Screen) {
	p.stop()
	p.index = (p.index + 1) % p.count
	p.recording, p.format, p.position, p.problems = nil, "", 0, nil
}

func (p *playerPage) askDelete(s *Screen) {
	p.stop()
	t := s.texts
	ask := t.say("player.deleteAsk", "Name", p.shown.caller(t))
	s.confirm("voicemail-delete", t.say("player.deleteTitle"), []string{ask}, t.say("player.delete"), p.remove)
}

// stop ends the work under way and keeps the position.
func (p *playerPage) stop() {
	if p.cancel != nil {
		p.cancel()
	}
	p.cancel, p.state = nil, playIdle
	p.generation++
}

// playerWork is background work of the page; update changes the page while it
// runs.
type playerWork func(ctx context.Context, update func(func())) error

// start runs work in the background until the page is closed. Updates and done
// are dropped after other work was started. If work fails its error is shown and
// done is not called.
func (p *playerPage) start(s *Screen, state playState, work playerWork, done func()) {
	p.stop()
	ctx, cancel := context.WithCancel(s.ctx)
	before, ended, run := p.done, make(chan struct{}), p.generation
	p.state, p.cancel, p.done = state, cancel, ended
	p.problems, p.received = nil, 0
	mine := func(f func()) func() {
		return func() {
			if p.generation == run {
				f()
			}
		}
	}
	var err error
	s.background(func(context.Context) {
		defer close(ended)
		defer cancel()
		defer s.Watch(func() {
			if !s.isOpen(p) {
				cancel()
			}
		})()
		if !s.isOpen(p) {
			return
		}
		if before != nil { // there is only one loudspeaker
			<-before
		}
		if err = work(ctx, func(f func()) { s.change(mine(f)) }); ctx.Err() != nil {
			err = ctx.Err()
		}
	}, mine(func() {
		p.cancel, p.state = nil, playIdle
		switch {
		case errors.Is(err, context.Canceled):
		case err != nil:
			p.problems = describe(s.texts, err)
		default:
			done()
		}
	}))
}

// isOpen reports whether a page is on the stack.
func (s *Screen) isOpen(p page) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.stack, p)
}

// play fetches the recording if necessary, and plays it from position.
func (p *playerPage) play(s *Screen) {
	sound, audio, at, index := p.recording, p.format, p.position, p.index
	what := playPlaying
	if sound == nil {
		what = playFetching
	}
	heard := false
	p.start(s, what, func(ctx context.Context, update func(func())) (err error) {
		if sound == nil {
			var records int
			progress := func(n int) { update(func() { p.received = n }) }
			sound, audio, records, err = fetch(ctx, s.phone, p.messageID, index, progress)
			if err != nil {
				return err
			}
			update(func() {
				p.recording, p.format, p.count = sound, audio, records
				if s.opt.Player != nil && playable(audio) {
					p.state = playPlaying
				}
			})
		}
		if s.opt.Player == nil || !playable(audio) || ctx.Err() != nil {
			return nil
		}
		heard = true
		return s.opt.Player.Play(ctx, sound, at, func(at time.Duration) { update(func() { p.position = at }) })
	}, func() {
		if !heard {
			return
		}
		if p.position = 0; !p.shown.Read && !p.markedRead {
			p.markRead(s)
		}
	})
}

// markRead marks the message as read at Exchange, also if the page is closed.
func (p *playerPage) markRead(s *Screen) {
	p.markedRead = true
	var err error
	s.background(func(ctx context.Context) {
		now := s.phone.Snapshot()
		i := voicemailIndex(now, p.messageID)
		client, no := s.phone.Exchange()
		if err = no; err != nil || i < 0 {
			return
		}
		if _, err = client.MarkRead(ctx, now.Mailbox.VoiceMails[i].ID, true); err == nil {
			s.phone.RefreshMailbox()
		}
	}, func() {
		if err != nil {
			p.markedRead = false
			if p.state == playIdle {
				p.problems = describe(s.texts, err)
			}
		}
	})
}

// remove deletes the message at Exchange. It closes the page when the phone's
// mailbox no longer has the message, or Exchange fails.
func (p *playerPage) remove(s *Screen) {
	p.start(s, playDeleting, func(ctx context.Context, _ func(func())) error {
		now := s.phone.Snapshot()
		i := voicemailIndex(now, p.messageID)
		client, err := s.phone.Exchange()
		if err != nil || i < 0 {
			return err
		}
		if err := client.Delete(ctx, now.Mailbox.VoiceMails[i].ID); err != nil {
			return err
		}
		s.phone.RefreshMailbox()
		s.waitFor(ctx, func(next device.Snapshot) bool {
			return voicemailIndex(next, p.messageID) < 0 || pageContext{now: next}.mailboxWarning() != nil
		})
		return nil
	}, func() {
		if n := len(s.stack); n > 0 && s.stack[n-1] == page(p) {
			s.back()
		}
	})
}

// waitFor waits until the Screen has a Snapshot that is good, or ctx ends.
func (s *Screen) waitFor(ctx context.Context, good func(device.Snapshot) bool) {
	changed := make(chan struct{}, 1)
	defer s.Watch(func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	})()
	for {
		s.mu.Lock()
		now := s.now
		s.mu.Unlock()
		if good(now) {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}
