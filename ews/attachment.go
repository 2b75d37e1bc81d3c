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
// large it is (docs/protocol/exchange-items.md#items-and-attachments).
type Recording struct {
	ID          string `json:"id"`
	Name        string `json:"name"`                  // unique within the message; localised: never to be parsed
	ContentType string `json:"contentType,omitempty"` // as the server says; Fetched.Audio is the real format
}

// Recordings lists the attachments of a voice mail, the newest recording
// first: a message that was forwarded with a comment has several, and a property
// gives their order (MS-OXOUM, PidTagVoiceMessageAttachmentOrder). Attachments that
// the property does not name follow in the server's order.
func (c *Client) Recordings(ctx context.Context, id ItemID) ([]Recording, error) {
	s := shape(uris("item:Attachments"), extended(tagFileOrder))
	it, err := c.getItem(ctx, id, s)
	if err != nil {
		return nil, err
	}
	return sortRecordings(it.Files.List, it.extended(tagFileOrder)), nil
}

// sortRecordings sorts by an order such as "vm3.wav; vm2.wav;vm1.wav". It ignores a
// leading semicolon, blanks around names, their case, and names without an
// attachment.
func sortRecordings(files []readFile, order string) []Recording {
	all := make([]Recording, 0, len(files))
	taken := make([]bool, len(files))
	index := make(map[string]int, len(files))
	for i, f := range files {
		if f.ID.ID == "" {
			taken[i] = true
			continue
		}
		if key := strings.ToLower(firstText(f.Name)); key != "" {
			if _, known := index[key]; !known {
				index[key] = i
			}
		}
	}
	add := func(i int) {
		if !taken[i] {
			taken[i] = true
			all = append(all, Recording{ID: files[i].ID.ID, Name: firstText(files[i].Name),
				ContentType: firstText(files[i].ContentType)})
		}
	}
	for name := range strings.SplitSeq(order, ";") {
		if i, ok := index[strings.ToLower(strings.TrimSpace(name))]; ok {
			add(i)
		}
	}
	for i := range files {
		add(i)
	}
	return all
}

// Fetched describes an attachment that was fetched.
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
	var request writeGetAttachment
	request.IDs.ID.ID = id
	limit := cmp.Or(c.MaxAttachment, DefaultMaxAttachment)
	var f attachmentReader
	err := c.sendWithRetries(ctx, op, request, max(attachmentTimeout, c.Timeout),
		func(r *http.Response) error {
			// base64 has 4 bytes for 3; line ends and the envelope are added
			whole := limit*2 + 1<<20
			f = attachmentReader{op: op, out: &limitedWriter{w: w, left: limit}}
			err := c.envelope(newDecoder(&bodyReader{in: r.Body, left: whole}, whole+1), op, f.read)
			if err == nil {
				err = f.result()
			}
			var e *Error
			if errors.As(err, &e) {
				e.partWritten = f.out.n > 0
			}
			return err
		})
	if err != nil {
		return Fetched{}, err
	}
	return Fetched{Name: firstText(f.file.Name), ContentType: firstText(f.file.ContentType), Size: f.out.n,
		Audio: DetectAudio(f.out.head)}, nil
}

// attachmentReader reads a GetAttachmentResponse.
type attachmentReader struct {
	op       string
	out      *limitedWriter
	messages int
	contents int
	message  message
	file     readFile
}

func (f *attachmentReader) read(d *boundedxml.Decoder) error {
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

func (f *attachmentReader) part(d *boundedxml.Decoder, t xml.StartElement) error {
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

func (f *attachmentReader) content(d *boundedxml.Decoder) error {
	if f.contents++; f.contents > 1 {
		return errors.New("the attachment has two contents")
	}
	if f.message.Class != "Success" {
		return d.Skip()
	}
	_, err := io.Copy(f.out, base64.NewDecoder(base64.StdEncoding, d.Text()))
	var corrupt base64.CorruptInputError
	switch {
	case errors.Is(err, errTooLarge):
		return &Error{Op: f.op, Action: TooLarge, Err: err}
	case errors.As(err, &corrupt) || errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the content is corrupt or unfinished base64, after %d good bytes", f.out.n)
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

// result returns the error of the message, or an error if there was no content.
func (f *attachmentReader) result() error {
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

// limitedWriter writes at most left bytes to w and keeps the first of them.
type limitedWriter struct {
	w       io.Writer
	n, left int64
	head    []byte
}

func (b *limitedWriter) Write(p []byte) (int, error) {
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

// bodyReader limits a body and reports a broken connection as errCutShort, so that
// it differs from XML that ends too early.
type bodyReader struct {
	in   io.Reader
	left int64
}

func (b *bodyReader) Read(p []byte) (int, error) {
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
