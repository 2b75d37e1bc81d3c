//go:build realpeers && linux

package media_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ocphone/ocphone/device/media"
	"github.com/ocphone/ocphone/device/peer"
)

// ffmpeg decodes or codes a file; options stand before and after the input.
func ffmpeg(t *testing.T, before []string, in string, after []string, out string) []byte {
	t.Helper()
	args := append([]string{"-hide_banner", "-v", "error", "-nostdin", "-y"}, before...)
	args = append(append(args, "-i", in), after...)
	peer.Output(t, "ffmpeg", append(args, out)...)
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func same(t *testing.T, name string, got, want []int16) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d samples, want %d", name, len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Errorf("%s: sample %d is %d, want %d", name, i, got[i], want[i])
			return
		}
	}
}

// speech is something as rich as speech.
func speech(t *testing.T) media.Sound {
	t.Helper()
	s, err := media.RingChime.Sound()
	if err != nil {
		t.Fatal(err)
	}
	s = s.Resample(media.Telephone)
	noise := rand.New(rand.NewPCG(6, 10))
	for i := range s.Samples {
		s.Samples[i] += int16(noise.IntN(2001) - 1000)
	}
	return s
}

// TestPeerFFmpegCodesWhatThePhonePlays has recordings made by ffmpeg in each
// form; what ffmpeg decodes of them is what the phone decodes.
func TestPeerFFmpegCodesWhatThePhonePlays(t *testing.T) {
	peer.Need(t, "ffmpeg", "ffmpeg")
	dir := peer.Dir(t)
	pcm, err := media.Encode(speech(t), media.PCM)
	if err != nil {
		t.Fatal(err)
	}
	in := peer.Write(t, dir, "in.wav", string(pcm))
	for name, row := range map[string]struct{ code, decode []string }{
		"gsm":          {[]string{"-c:a", "libgsm_ms"}, []string{"-c:a", "libgsm_ms"}},
		"mulaw":        {[]string{"-c:a", "pcm_mulaw"}, nil},
		"alaw":         {[]string{"-c:a", "pcm_alaw"}, nil},
		"alaw-22050":   {[]string{"-c:a", "pcm_alaw", "-ar", "22050"}, nil},
		"pcm8":         {[]string{"-c:a", "pcm_u8"}, nil},
		"pcm16-48000":  {[]string{"-c:a", "pcm_s16le", "-ar", "48000"}, nil},
		"with-comment": {[]string{"-c:a", "pcm_alaw", "-metadata", "title=odd"}, nil},
	} {
		file := filepath.Join(dir, name+".wav")
		made := ffmpeg(t, nil, in, row.code, file)
		want := samples(ffmpeg(t, row.decode, file, []string{"-f", "s16le"}, filepath.Join(dir, name+".raw")))
		s, err := media.Decode(made)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		same(t, name, s.Samples, want)
	}
	// Into a pipe no size can be filled in.
	piped := peer.Output(t, "ffmpeg", "-v", "error", "-nostdin", "-i", in, "-c:a", "pcm_mulaw", "-f", "wav", "pipe:1")
	streamed, err := media.Decode([]byte(piped))
	if err != nil {
		t.Fatal(err)
	}
	filed, err := media.Decode(ffmpeg(t, nil, in, []string{"-c:a", "pcm_mulaw"}, filepath.Join(dir, "filed.wav")))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "streamed", streamed.Samples, filed.Samples)
	for name, code := range map[string]string{"wma": "wmav2", "24": "pcm_s24le"} {
		file := filepath.Join(dir, name+map[string]string{"wma": ".wma", "24": ".wav"}[name])
		if _, err := media.Decode(ffmpeg(t, nil, in, []string{"-c:a", code}, file)); err == nil {
			t.Errorf("%s plays", name)
		}
	}
	peer.Row(t, "ffmpeg", "G.711, GSM 06.10 and PCM in WAV that ffmpeg and libgsm made are decoded to the same samples, bit by bit; Windows Media is told as such")
}

// TestPeerFFmpegDecodesRandomGSM has bits that no coder sends.
func TestPeerFFmpegDecodesRandomGSM(t *testing.T) {
	peer.Need(t, "ffmpeg", "ffmpeg")
	dir := peer.Dir(t)
	random := rand.NewChaCha8([32]byte{6, 10})
	data := make([]byte, 65*2000)
	random.Read(data)
	file := riff(chunk("fmt ", format(0x31, 1, 8000, 0)[:12]+"\x41\x00\x00\x00\x02\x00\x40\x01"), chunk("fact", "\x00\xc4\x09\x00"), chunk("data", string(data)))
	want := samples(ffmpeg(t, []string{"-c:a", "libgsm_ms"}, peer.Write(t, dir, "in.wav", string(file)), []string{"-f", "s16le"}, filepath.Join(dir, "out.raw")))
	s, err := media.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "random bits", s.Samples, want)
	peer.Row(t, "ffmpeg", "80 s of random bits as GSM 06.10 are decoded as libgsm does, bit by bit")
}

// TestPeerFFmpegPlaysWhatIsWritten: another player reads what Encode writes.
func TestPeerFFmpegPlaysWhatIsWritten(t *testing.T) {
	peer.Need(t, "ffmpeg", "ffmpeg")
	dir := peer.Dir(t)
	odd := media.Busy().Sound(2*time.Second + 125*time.Microsecond)
	for name, f := range map[string]media.Format{"pcm": media.PCM, "alaw": media.ALaw, "mulaw": media.MuLaw} {
		b, err := media.Encode(odd, f)
		if err != nil {
			t.Fatal(err)
		}
		s, err := media.Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		want := samples(ffmpeg(t, nil, peer.Write(t, dir, name+".wav", string(b)), []string{"-f", "s16le"}, filepath.Join(dir, name+".raw")))
		same(t, name, s.Samples, want)
	}
	peer.Row(t, "ffmpeg", "reads the WAV that the phone's writer makes: PCM, A-law, µ-law")
}
