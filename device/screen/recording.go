package screen

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/ocphone/ocphone/device"
	"github.com/ocphone/ocphone/device/journal"
	"github.com/ocphone/ocphone/ews"
)

// Player is a loudspeaker.
type Player interface {
	// Play plays a recording in RIFF WAVE (G.711, GSM 6.10 or another codec)
	// from the position at. It reports the position several times a second. It
	// returns nil at the end, the error of ctx if ctx ends before, and another
	// error if it cannot play the recording.
	Play(ctx context.Context, wav []byte, at time.Duration, progress func(time.Duration)) error
}

// maxSound is the largest recording that the phone takes, in bytes: 17 minutes
// in G.711. The limit is ours.
const maxSound = 8 << 20

// fetchStep is the number of bytes between two reports of progress.
const fetchStep = 64 << 10

var (
	errTooLong = errors.New("screen: the recording is longer than the phone takes")
	errEmpty   = errors.New("screen: the message has no recording")
)

// describe puts an error into sentences.
func describe(t *texts, err error) []string {
	switch {
	case errors.Is(err, errTooLong):
		return []string{t.say("player.tooLong", "Number", maxSound/1024)}
	case errors.Is(err, errEmpty):
		return []string{t.say("player.empty")}
	}
	return failureLines(t, err)
}

// failureLines say what happened, and what an administrator should change.
func failureLines(t *texts, err error) []string {
	var f *journal.Failure
	if !errors.As(err, &f) {
		return []string{t.say("player.failed"), t.logLine(sentence(oneLine(err.Error())))}
	}
	step := f.Step(journal.Exchange).Stamp(0, time.Time{})
	return []string{t.say("player.failed"), t.logLine(strings.TrimSpace(step.Decided + " " + sentence(step.Fix)))}
}

// recordingBuffer keeps a recording in memory, up to maxSound.
type recordingBuffer struct {
	buf      bytes.Buffer
	reported int
	progress func(n int)
	tooBig   bool
}

// Write implements io.Writer.
func (w *recordingBuffer) Write(b []byte) (int, error) {
	if w.buf.Len()+len(b) > maxSound {
		w.tooBig = true
		return 0, errTooLong
	}
	n, _ := w.buf.Write(b)
	if w.buf.Len()-w.reported >= fetchStep {
		w.reported = w.buf.Len()
		w.progress(w.reported)
	}
	return n, nil
}

// fetch reads one recording of a message, and the number of its recordings.
func fetch(ctx context.Context, phone *device.Phone, id string, index int, progress func(int)) (
	sound []byte, audio string, records int, err error,
) {
	client, err := phone.Exchange()
	if err != nil {
		return nil, "", 0, err
	}
	now := phone.Snapshot()
	i := voicemailIndex(now, id)
	if i < 0 {
		return nil, "", 0, errEmpty
	}
	all, err := client.Recordings(ctx, now.Mailbox.VoiceMails[i].ID)
	switch {
	case err != nil:
		return nil, "", 0, err
	case index >= len(all):
		return nil, "", len(all), errEmpty
	}
	w := recordingBuffer{progress: progress}
	got, err := client.FetchAttachment(ctx, all[index].ID, &w)
	switch {
	case w.tooBig:
		err = errTooLong
	case err == nil && w.buf.Len() == 0:
		err = errEmpty
	}
	return w.buf.Bytes(), string(got.Audio), len(all), err
}

// voicemailIndex is the index of a voice mail in the mailbox; -1: not there.
func voicemailIndex(now device.Snapshot, id string) int {
	if now.Mailbox == nil {
		return -1
	}
	return slices.IndexFunc(now.Mailbox.VoiceMails, func(m ews.VoiceMail) bool { return m.ID.ID == id })
}

// playable reports whether the phone plays a format, as ews names it.
func playable(audio string) bool {
	return slices.Contains([]string{"wav/g711-alaw", "wav/g711-mulaw", "wav/gsm610", "wav"}, audio)
}

// codec is the name of a format for the user.
func (t *texts) codec(audio string) string {
	id := map[string]string{
		"wav/g711-alaw": "alaw", "wav/g711-mulaw": "mulaw", "wav/gsm610": "gsm", "wav": "wav", "wma": "wma", "mp3": "mp3",
	}[audio]
	return t.say("audio." + cmp.Or(id, "unknown"))
}

func (t *texts) kilobytes(n int) string { return t.say("player.size", "Number", (n+1023)/1024) }
