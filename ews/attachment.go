package ews

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/ocphone/ocphone/device/boundedxml"
)

// Recording is one attachment of a voice mail. The server does not say how
// large it is (exchange.md 2.5).
type Recording struct {
	ID          string `json:"id"`
	Name        string `json:"name"`                  // unique within the message; localised: never to be parsed
	ContentType string `json:"contentType,omitempty"` // what the server says; Fetched.Audio is what it is
}

// Recordings lists the attachments of a voice mail, the newest recording
// first: a message that was forwarded with a comment carries several, and a
// property says in which order (MS-OXOUM, PidTagVoiceMessageAttachmentOrder).
// Attachments that it does not name follow as they come.
func (c *Client) Recordings(ctx context.Context, id ItemID) ([]Recording, error) {
	s := shape(uris("item:Attachments"), extended(tagFileOrder))
	it, err := c.getItem(ctx, id, s)
	if err != nil {
		return nil, err
	}
	return inOrder(it.Files.List, it.extended(tagFileOrder)), nil
}

// inOrder reads "vm3.wav; vm2.wav;vm1.wav": a leading semicolon, blanks around
// the names and their case do not matter, a name without an attachment neither.
func inOrder(files []readFile, order string) []Recording {
	all := make([]Recording, 0, len(files))
	taken := make([]bool, len(files))
	at := make(map[string]int, len(files))
	for i, f := range files {
		if f.ID.ID == "" {
			taken[i] = true
			continue
		}
		if key := strings.ToLower(first(f.Name)); key != "" {
			if _, twice := at[key]; !twice {
				at[key] = i
			}
		}
	}
	take := func(i int) {
		if !taken[i] {
			taken[i] = true
			all = append(all, Recording{ID: files[i].ID.ID, Name: first(files[i].Name), ContentType: first(files[i].ContentType)})
		}
	}
	for name := range strings.SplitSeq(order, ";") {
		if i, ok := at[strings.ToLower(strings.TrimSpace(name))]; ok {
			take(i)
		}
	}
	for i := range files {
		take(i)
	}
	return all
}

// Fetched is what came of an attachment.
type Fetched struct {
	Name        string
	ContentType string
	Size        int64 // decoded bytes
	Audio       Audio // by its first bytes
}

// FetchAttachment writes an attachment to w while it arrives: neither the
// base64 text nor the sound is held in memory. More than MaxAttachment bytes
// is an error with the action TooLarge. After any error w may hold the
// beginning; once it does, the request is not repeated.
func (c *Client) FetchAttachment(ctx context.Context, id string, w io.Writer) (Fetched, error) {
	const op = "GetAttachment"
	var ask writeGetAttachment
	ask.IDs.ID.ID = id
	limit := cmp.Or(c.MaxAttachment, DefaultMaxAttachment)
	var f fetch
	err := c.attempts(ctx, op, ask, attachmentTimeout*cmp.Or(c.Timeout, DefaultTimeout), func(r *http.Response) error {
		// base64 makes 4 bytes of 3; line ends and the envelope come on top
		whole := limit*2 + 1<<20
		f = fetch{op: op, to: &bounded{w: w, left: limit}}
		err := c.envelope(newDecoder(&wholeBody{in: r.Body, left: whole}, whole+1), op, f.read)
		if err == nil {
			err = f.verdict()
		}
		var e *Error
		if errors.As(err, &e) {
			e.spent = f.to.n > 0
		}
		return err
	})
	if err != nil {
		return Fetched{}, err
	}
	return Fetched{Name: first(f.file.Name), ContentType: first(f.file.ContentType), Size: f.to.n, Audio: DetectAudio(f.to.head)}, nil
}

// fetch reads a GetAttachmentResponse.
type fetch struct {
	op       string
	to       *bounded
	messages int
	contents int
	message  message
	file     readFile
}

func (f *fetch) read(d *boundedxml.Decoder) error {
	return eachChild(d.Decoder, nsMessages, func(t xml.StartElement) error {
		if t.Name.Local != "ResponseMessages" {
			return d.Skip()
		}
		return eachChild(d.Decoder, nsMessages, func(t xml.StartElement) error {
			if f.messages++; f.messages > 1 || t.Name.Local != "GetAttachmentResponseMessage" {
				return errors.New("one attachment was asked for, and something else came")
			}
			for _, a := range t.Attr {
				if a.Name.Space == "" && a.Name.Local == "ResponseClass" {
					f.message.Class = a.Value
				}
			}
			return eachChild(d.Decoder, nsMessages, func(t xml.StartElement) error { return f.part(d, t) })
		})
	})
}

func (f *fetch) part(d *boundedxml.Decoder, t xml.StartElement) error {
	switch t.Name.Local {
	case "MessageText":
		return d.DecodeElement(&f.message.Text, &t)
	case "ResponseCode":
		return d.DecodeElement(&f.message.Code, &t)
	case "MessageXml":
		return d.DecodeElement(&f.message.XML, &t)
	case "Attachments":
		return eachChild(d.Decoder, nsTypes, func(t xml.StartElement) error {
			if t.Name.Local != "FileAttachment" {
				return errors.New("the attachment is another item, no recording")
			}
			return eachChild(d.Decoder, nsTypes, func(t xml.StartElement) error {
				switch t.Name.Local {
				case "Name":
					return d.DecodeElement(&f.file.Name, &t)
				case "ContentType":
					return d.DecodeElement(&f.file.ContentType, &t)
				case "Content":
					return f.content(d)
				}
				return d.Skip()
			})
		})
	}
	return d.Skip()
}

func (f *fetch) content(d *boundedxml.Decoder) error {
	if f.contents++; f.contents > 1 {
		return errors.New("the attachment has two contents")
	}
	if f.message.Class != "Success" {
		return d.Skip()
	}
	_, err := io.Copy(f.to, base64.NewDecoder(base64.StdEncoding, d.Text()))
	var corrupt base64.CorruptInputError
	switch {
	case errors.Is(err, errTooLarge):
		return &Error{Op: f.op, Action: TooLarge, Err: err}
	case errors.As(err, &corrupt) || errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the content is corrupt or unfinished base64, after %d good bytes", f.to.n)
	case err != nil:
		return err
	}
	for {
		t, err := d.Token()
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.EndElement:
			return nil
		case xml.CharData:
			if len(bytes.TrimSpace(t)) == 0 {
				continue
			}
			return errors.New("the content is not plain base64")
		case xml.StartElement:
			return errors.New("the content has an element in it")
		}
	}
}

// verdict is what the message complains about, or that nothing came.
func (f *fetch) verdict() error {
	if f.messages == 0 {
		return malformed(f.op, "the answer has no response message")
	}
	if e := f.message.err(f.op); e != nil {
		return e
	}
	if f.contents == 0 {
		return malformed(f.op, "the answer has no content")
	}
	return nil
}

var errCutShort = errors.New("the connection broke in the middle of the answer")

var errTooLarge = errors.New("the attachment is larger than the phone takes")

// bounded passes on at most left bytes and keeps the first of them.
type bounded struct {
	w       io.Writer
	n, left int64
	head    []byte
}

func (b *bounded) Write(p []byte) (int, error) {
	if int64(len(p)) > b.left {
		return 0, errTooLarge
	}
	if room := audioHead - len(b.head); room > 0 {
		b.head = append(b.head, p[:min(room, len(p))]...)
	}
	n, err := b.w.Write(p)
	b.n += int64(n)
	b.left -= int64(n)
	return n, err
}

// wholeBody bounds a body and tells a connection that broke from XML that
// ends too early.
type wholeBody struct {
	in   io.Reader
	left int64
}

func (b *wholeBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLarge
	}
	n, err := b.in.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if err == io.ErrUnexpectedEOF {
		err = errCutShort
	}
	return n, err
}
