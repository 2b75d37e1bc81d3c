//go:build realpeers && linux

package ntlm

// NewSession makes a session with the key of a peer.
var NewSession = newSession
