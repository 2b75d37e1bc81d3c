//go:build realpeers && linux

package ntlm

// NewSession makes a session of the key that a peer tells.
var NewSession = newSession
