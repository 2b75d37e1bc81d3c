package ews

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestRecordingsAreNewestFirst(t *testing.T) {
	got, err := one(document(t, "GetItemResponse")).Recordings(ctx, ItemID{ID: "AAAWAFZNMQ=="})
	if err != nil || len(got) != 1 || got[0] != (Recording{ID: "AAAWAFZNMQEAAA==", Name: "(425) 555-0100 (12 seconds) Voice Mail.wav", ContentType: "audio/WAV"}) {
		t.Errorf("%+v %v", got, err)
	}
	rows := []struct{ files, order, want string }{
		{"vm1.wav vm2.wav vm3.wav", "vm3.wav; vm2.wav;vm1.wav", "vm3.wav vm2.wav vm1.wav"},
		{"vm1.wav vm2.wav vm3.wav", " ;VM3.wav ; Vm1.WAV;;", "vm3.wav vm1.wav vm2.wav"},
		{"vm1.wav vm2.wav", "", "vm1.wav vm2.wav"},
		{"vm1.wav vm2.wav", "other.wav;vm2.wav;vm2.wav", "vm2.wav vm1.wav"},
		{"same.wav same.wav", "same.wav", "same.wav same.wav"},
		{"", "vm1.wav", ""},
	}
	for _, r := range rows {
		var files []readFile
		for i, n := range strings.Fields(r.files) {
			files = append(files, readFile{ID: ItemID{ID: fmt.Sprint(i)}, Name: n})
		}
		files = append(files, readFile{Name: "no id"})
		var names []string
		for _, one := range sortRecordings(files, r.order) {
			names = append(names, one.Name)
		}
		if got := strings.Join(names, " "); got != r.want {
			t.Errorf("%q of %q: %q, want %q", r.order, r.files, got, r.want)
		}
	}
}

func attachment(content string) string {
	return success("GetAttachment", `<m:Attachments><t:FileAttachment><t:AttachmentId Id="a"/><t:Name>vm.wav</t:Name><t:ContentType>audio/WAV</t:ContentType>`+content+`</t:FileAttachment></m:Attachments>`)
}

func TestFetchAttachment(t *testing.T) {
	var b bytes.Buffer
	f, err := one(document(t, "GetAttachmentResponse")).FetchAttachment(ctx, "AAAWAFZNMQEAAA==", &b)
	if err != nil || b.String() != "RIFF$\x00\x00\x00WAVE" || f.Size != 12 || f.Name != "(425) 555-0100 (12 seconds) Voice Mail.wav" || f.Audio != AudioWAV {
		t.Errorf("%q %+v %v", b.String(), f, err)
	}
	sound := bytes.Repeat([]byte("G.711 µ-law "), 20_000)
	text := base64.StdEncoding.EncodeToString(sound)
	var lines strings.Builder
	for i := 0; i < len(text); i += 76 {
		lines.WriteString(" \t" + text[i:min(i+76, len(text))] + "\r\n")
	}
	for _, content := range []string{text, lines.String()} {
		b.Reset()
		f, err := one(attachment("<t:Content>"+content+"</t:Content>")).FetchAttachment(ctx, "a", &b)
		if err != nil || !bytes.Equal(b.Bytes(), sound) || f.Size != int64(len(sound)) {
			t.Errorf("%d %+v %v", b.Len(), f, err)
		}
	}
	if f, err := one(attachment("<t:Content/>")).FetchAttachment(ctx, "a", io.Discard); err != nil || f.Size != 0 {
		t.Errorf("%+v %v", f, err)
	}
}

func TestAttachmentsThatAreNone(t *testing.T) {
	good := "UklGRiQAAABXQVZF"
	rows := []struct {
		name, body string
		action     Action
	}{
		{"corrupt base64", attachment("<t:Content>UklG!!!!</t:Content>"), Report},
		{"unfinished base64", attachment("<t:Content>UklGR</t:Content>"), Report},
		{"an element inside", attachment("<t:Content>" + good + "<t:X/></t:Content>"), Report},
		{"CDATA", attachment("<t:Content><![CDATA[" + good + "]]></t:Content>"), Report},
		{"two contents", attachment("<t:Content>" + good + "</t:Content><t:Content>" + good + "</t:Content>"), Report},
		{"no content", attachment(""), Report},
		{"an item", success("GetAttachment", `<m:Attachments><t:ItemAttachment/></m:Attachments>`), Report},
		{"two messages", wrap("GetAttachment", strings.Repeat(oneMessage("GetAttachment", "Success", "NoError", ""), 2)), Report},
		{"no message", wrap("GetAttachment", ""), Report},
		{"cut off", attachment("<t:Content>" + good)[:600], Report},
		{"gone", refusal("GetAttachment", "ErrorItemNotFound"), Gone},
		{"busy", fault("ErrorServerBusy", 1), Wait},
		{"an error with a content", wrap("GetAttachment", oneMessage("GetAttachment", "Error", "ErrorAccessDenied", `<m:Attachments><t:FileAttachment><t:Content>`+good+`</t:Content></t:FileAttachment></m:Attachments>`)), Hide},
		{"UTF-16", "\xff\xfe<\x00", Report},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			var b bytes.Buffer
			_, err := one(r.body).FetchAttachment(ctx, "a", &b)
			want(t, err, r.action)
			if r.action != Report && b.Len() > 0 {
				t.Errorf("%q was written", b.String())
			}
		})
	}
}

// endless is an answer whose content never ends; it counts what was read.
type endless struct {
	head io.Reader
	read int64
}

func (e *endless) Read(p []byte) (int, error) {
	n, err := e.head.Read(p)
	if err == io.EOF {
		for i := range p {
			p[i] = 'A'
		}
		n, err = len(p), nil
	}
	e.read += int64(n)
	return n, err
}
func (e *endless) Close() error { return nil }

type doerFunc func(*http.Request) (*http.Response, error)

func (f doerFunc) Do(r *http.Request) (*http.Response, error) { return f(r) }

func TestAttachmentIsBounded(t *testing.T) {
	body := attachment("<t:Content>")
	body, _, _ = strings.Cut(body, "</t:FileAttachment>")
	e := &endless{head: strings.NewReader(body)}
	c := client(doerFunc(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/xml"}}, Body: e}, nil
	}))
	c.MaxAttachment = 1 << 20
	h := sha256.New()
	_, err := c.FetchAttachment(ctx, "a", h)
	want(t, err, TooLarge)
	if e.read > 2<<20 {
		t.Errorf("%d bytes were read", e.read)
	}
}

// TestHalfAnAttachmentIsNotRepeated: the writer holds its beginning.
func TestHalfAnAttachmentIsNotRepeated(t *testing.T) {
	body, _, _ := strings.Cut(attachment("<t:Content>"+strings.Repeat("QUJD", 9999)), "</t:FileAttachment>")
	asked := 0
	doer := func(body string) *Client {
		asked = 0
		return client(doerFunc(func(*http.Request) (*http.Response, error) {
			asked++
			return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/xml"}},
				Body: io.NopCloser(io.MultiReader(strings.NewReader(body), broke{}))}, nil
		}))
	}
	c := doer(body)
	c.Patience, c.Clock = 0, &jumping{Adjustable: manual()}
	_, err := c.FetchAttachment(ctx, "a", io.Discard)
	want(t, err, Reconnect)
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	c = doer(body[:100])
	c.Patience, c.Clock = 0, &jumping{Adjustable: manual()}
	_, err = c.FetchAttachment(ctx, "a", io.Discard)
	want(t, err, Reconnect)
	if asked != 6 {
		t.Errorf("asked %d times", asked)
	}
	full := errors.New("disk full")
	_, err = one(attachment("<t:Content>QUJD</t:Content>")).FetchAttachment(ctx, "a", writerFunc(func([]byte) (int, error) { return 0, full }))
	if !errors.Is(err, full) {
		t.Error(err)
	}
}

type broke struct{}

func (broke) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestDetectAudio(t *testing.T) {
	wav := func(tag byte, before string) string {
		return "RIFF\xff\xff\xff\xffWAVE" + before + "fmt \x12\x00\x00\x00" + string([]byte{tag, 0}) + "\x01\x00"
	}
	rows := map[string]Audio{
		wav(6, ""): AudioALaw, wav(7, ""): AudioMuLaw, wav(0x31, ""): AudioGSM, wav(1, ""): AudioWAV,
		wav(7, "LIST\x03\x00\x00\x00abc\x00"): AudioMuLaw, wav(7, "LIST\xff\xff\xff\xffabc\x00"): AudioWAV,
		asf + "x": AudioWMA, "ID3\x03": AudioMP3, "\xff\xfb\x90": AudioMP3, "": AudioUnknown, "RIFF": AudioUnknown, "<html>": AudioUnknown, "\xff\xfe<\x00": AudioUnknown,
	}
	for head, want := range rows {
		if got := DetectAudio([]byte(head)); got != want {
			t.Errorf("%q is %q, want %q", head, got, want)
		}
	}
}
