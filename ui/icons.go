//go:build !darwin || cgo

package ui

import (
	"fmt"
	"strings"

	"fyne.io/fyne/v2"

	"github.com/ocphone/ocphone/device/screen/view"
)

// Icons that the panel itself needs.
const (
	iconShift     view.Icon = "panel.shift"
	iconBackspace view.Icon = "panel.backspace"
	iconEnter     view.Icon = "panel.enter"
	iconNext      view.Icon = "panel.next"
	iconUnplugged view.Icon = "panel.unplugged"
	iconTick      view.Icon = "panel.tick"
)

// drawing is the inside of an icon, 24 by 24, drawn for this project: F stands
// for filled with the ink, S for a stroke of it.
func drawing(i view.Icon) string {
	switch i {
	case view.IconContacts, view.IconGroup:
		return `<circle cx="9" cy="8" r="3.7" F/><path d="M2.3 19.500a6.700 6.500 0 0 1 13.400 0z" F/><circle cx="17.200" cy="9.300" r="2.800" F/><path d="M17.300 19.500h4.600a5.400 5.400 0 0 0-6.500-5.300 8.600 8.600 0 0 1 1.900 5.300z" F/>`
	case view.IconPerson:
		return `<circle cx="12" cy="7.800" r="4.200" F/><path d="M4 20.500a8 7.600 0 0 1 16 0z" F/>`
	case view.IconCalls:
		return handset(0) + `<path d="M14 4.500h6M14 8h6M16 11.500h4" S/>`
	case view.IconMissed:
		return handset(4) + `<path d="M6 4.500l6 5 6.500-5.500M6 4.500v4.200M6 4.500h4.200" S/>`
	case view.IconIncoming:
		return handset(2) + `<path d="M20.500 3.500l-6 6M14.500 4.800v4.700h4.700" S/>`
	case view.IconOutgoing:
		return handset(2) + `<path d="M14.500 9.500l6-6M15.800 3.500h4.700v4.700" S/>`
	case view.IconVoicemail:
		return `<circle cx="6.800" cy="12" r="3.800" S/><circle cx="17.200" cy="12" r="3.800" S/><path d="M6.800 15.800h10.400" S/>`
	case view.IconDial:
		return `<g F><circle cx="6" cy="4.500" r="2"/><circle cx="12" cy="4.500" r="2"/><circle cx="18" cy="4.500" r="2"/><circle cx="6" cy="10.200" r="2"/><circle cx="12" cy="10.200" r="2"/><circle cx="18" cy="10.200" r="2"/><circle cx="6" cy="15.900" r="2"/><circle cx="12" cy="15.900" r="2"/><circle cx="18" cy="15.900" r="2"/><circle cx="12" cy="21.500" r="2"/></g>`
	case view.IconCalendar:
		return `<rect x="3.500" y="5" width="17" height="15.500" rx="2" S/><path d="M3.500 9.800h17M8 2.800V7M16 2.800V7" S/><rect x="7" y="12.500" width="3.600" height="3.200" F/>`
	case view.IconSettings:
		return `<path d="M10.400 2.500h3.200l.5 2.700 1.900.8 2.300-1.600 2.300 2.300L19 9l.8 1.900 2.700.5v3.200l-2.700.5L19 17l1.600 2.300-2.300 2.300L16 20l-1.900.8-.5 2.700h-3.200l-.5-2.700L8 20l-2.300 1.600-2.300-2.300L5 17l-.8-1.900-2.700-.5v-3.200l2.700-.5L5 9 3.400 6.700l2.300-2.300L8 6l1.900-.8zM12 9.200a3.800 3.800 0 1 0 0 7.600 3.800 3.800 0 0 0 0-7.600z" fill-rule="evenodd" F transform="translate(.6 .2) scale(.95 .92)"/>`
	case view.IconLock:
		return `<rect x="4.500" y="10.500" width="15" height="10.500" rx="1.800" F/><path d="M8 10.500V7.600a4 4 0 0 1 8 0v2.900" S/>`
	case view.IconHome:
		return `<path d="M2.500 12.300L12 3.500l9.500 8.800h-2.800v8.200h-4.900v-5.600h-3.600v5.600H5.300v-8.200z" F/>`
	case view.IconBack:
		return `<path d="M14.500 4.500L7 12l7.500 7.500" S3/>`
	case view.IconSearch:
		return `<circle cx="10.200" cy="10.200" r="6" S/><path d="M14.800 14.800l6 6" S3/>`
	case view.IconMail:
		return `<rect x="2.500" y="5" width="19" height="14" rx="1.800" S/><path d="M3.500 6.500l8.500 7 8.500-7" S/>`
	case view.IconPlay:
		return `<path d="M6.500 3.800l13.500 8.200-13.500 8.200z" F/>`
	case view.IconPause:
		return `<rect x="5.500" y="4" width="4.600" height="16" F/><rect x="13.900" y="4" width="4.600" height="16" F/>`
	case view.IconDelete:
		return `<path d="M5.500 8h13l-1.200 13H6.700z" F/><path d="M3.800 5.500h16.400M9.300 5V3h5.400v2" S/>`
	case view.IconInfo:
		return `<circle cx="12" cy="12" r="9" S/><circle cx="12" cy="7.600" r="1.400" F/><path d="M12 11v6.500" S3/>`
	case view.IconWarning:
		return `<path d="M12 3L22 20.500H2z" S/><path d="M12 9.300v5.200" S3/><circle cx="12" cy="17.300" r="1.400" F/>`
	case view.IconError:
		return `<circle cx="12" cy="12" r="9" S/><path d="M8.300 8.300l7.400 7.400M15.700 8.300l-7.400 7.400" S3/>`
	case view.IconOK:
		return `<circle cx="12" cy="12" r="9" S/><path d="M7.300 12.300l3.400 3.400 6-7" S3/>`
	case view.IconCert:
		return `<rect x="2.500" y="3.500" width="19" height="12.500" rx="1.500" S/><path d="M5.800 7.500h8M5.800 11h5" S/><circle cx="16.300" cy="14.500" r="3.400" F/><path d="M14.300 16.800V22l2-1.500 2 1.500v-5.200z" F/>`
	case view.IconNetwork:
		return `<rect x="8.500" y="2.500" width="7" height="5.500" F/><rect x="2" y="16" width="7" height="5.500" F/><rect x="15" y="16" width="7" height="5.500" F/><path d="M12 8v4M5.500 16v-4h13v4" S/>`
	case view.IconTime:
		return `<circle cx="12" cy="12" r="8.800" S/><path d="M12 6.500V12l4 2.600" S/>`
	case view.IconLanguage:
		return `<circle cx="12" cy="12" r="8.800" S/><path d="M3.200 12h17.600M12 3.200c-5 5.500-5 12.100 0 17.600M12 3.200c5 5.500 5 12.100 0 17.600" S/>`
	case view.IconSound:
		return `<path d="M3.500 9v6h4l6 5V4l-6 5z" F/><path d="M16 8.600a5 5 0 0 1 0 6.800M18.500 6a8.500 8.500 0 0 1 0 12" S/>`
	case view.IconForward:
		return handset(0) + `<path d="M12.500 7h8M17 3.300L20.700 7 17 10.700" S/>`
	case view.IconRestart:
		return `<path d="M19.500 12a7.500 7.500 0 1 1-2.400-5.500" S/><path d="M20.500 2.500v6.200h-6.200z" F/>`
	case view.IconReset:
		return `<circle cx="12" cy="12" r="8.800" S/><circle cx="12" cy="12" r="3" F/>`
	case view.IconLog:
		return `<path d="M5 2.800h10l4.500 4.500v14H5z" S/><path d="M8 10h8M8 13.500h8M8 17h5" S/>`
	case view.IconSignOut:
		return `<path d="M13.500 3.500H4.500v17h9" S/><path d="M9.500 12h11M16.500 7.800l4.200 4.200-4.200 4.200" S/>`
	case view.IconEmergency:
		return `<path d="M9 2.500h6V9h6.500v6H15v6.500H9V15H2.500V9H9z" F/>`
	case view.IconKeyboard:
		return `<rect x="2" y="6" width="20" height="12.500" rx="1.600" S/><path d="M5.500 10h2M10 10h2M14.500 10h2M19 10h.2M5.500 14.500h1M8.500 14.500h7.500M18.500 14.500h.7" S/>`
	case view.IconStar:
		return `<path d="M12 2.800l2.900 6.200 6.700.8-5 4.600 1.300 6.700-5.900-3.400-5.900 3.400 1.300-6.700-5-4.600 6.700-.8z" F/>`
	case iconShift:
		return `<path d="M12 3.500l8.500 9h-4.700V20H8.200v-7.500H3.500z" S/>`
	case iconBackspace:
		return `<path d="M8 5.500h13.500v13H8L2 12z" S/><path d="M11.500 9.500l5 5M16.500 9.500l-5 5" S/>`
	case iconEnter:
		return `<path d="M20 4.500V13H5M9.500 8.500L5 13l4.500 4.500" S/>`
	case iconNext:
		return `<path d="M3 12h14.500M12.500 6.500L18 12l-5.500 5.500M21 5v14" S/>`
	case iconUnplugged:
		return `<rect x="8.500" y="2.500" width="7" height="5.500" F/><rect x="2" y="16" width="7" height="5.500" F/><rect x="15" y="16" width="7" height="5.500" F/><path d="M5.500 16v-2.500h4M14.500 13.500h4V16" S/><path d="M9.800 10.300l4.400 4.400M14.200 10.300l-4.400 4.400" S/>`
	case iconTick:
		return `<path d="M5 12.500l4.700 4.700L19.500 6.500" S3/>`
	}
	return ""
}

// handset is a receiver seen from the side, lowered by dy.
func handset(dy int) string {
	return fmt.Sprintf(`<path d="M3.200 6.200c0-1.500 2.200-3.200 3.400-2.600l2.600 4.500c.3.600-1.600 1.900-1.500 2.700.3 2 3.400 5 5.400 5.400.8.100 2.100-1.800 2.800-1.500l4.400 2.700c.6 1.200-1.100 3.400-2.600 3.400C11 20.700 3.300 13 3.200 6.200z" transform="translate(0 %d) scale(%s)" F/>`, dy, map[bool]string{true: "1 1", false: "1 .86"}[dy == 0])
}

// picture is an icon in one ink, as Fyne takes it; nil when there is none.
func picture(i view.Icon, ink uint32) fyne.Resource {
	inside := drawing(i)
	if inside == "" {
		return nil
	}
	stroke := func(width string) string {
		return fmt.Sprintf(`fill="none" stroke="#%06x" stroke-width="%s" stroke-linecap="round" stroke-linejoin="round"`, ink, width)
	}
	inside = strings.NewReplacer(" S3/>", " "+stroke("2.8")+"/>", " S/>", " "+stroke("2")+"/>",
		" F/>", fmt.Sprintf(` fill="#%06x"/>`, ink), "<g F>", fmt.Sprintf(`<g fill="#%06x">`, ink),
		" F transform", fmt.Sprintf(` fill="#%06x" transform`, ink)).Replace(inside)
	svg := `<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24" viewBox="0 0 24 24">` + inside + `</svg>`
	return fyne.NewStaticResource(fmt.Sprintf("%s-%06x.svg", i, ink), []byte(svg))
}
