package media_test

import (
	"context"
	"fmt"
	"time"

	"github.com/ocphone/ocphone/device/media"
)

// A recording as it comes from Exchange is read and played. Nothing is heard
// here: the output only takes the time.
func Example() {
	recording, _ := media.Encode(media.Ringback().Sound(20*time.Millisecond), media.MuLaw)

	sound, err := media.Decode(recording)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(sound.Duration(), "at", sound.Rate, "Hz")
	quiet := sound.Scale(media.Volume(3, 10)).Resample(48000)
	err = media.NewNull(nil).Play(context.Background(), quiet, 0, func(at time.Duration) { fmt.Println("at", at) })
	fmt.Println(err)
	// Output:
	// 20ms at 8000 Hz
	// at 0s
	// at 20ms
	// <nil>
}
