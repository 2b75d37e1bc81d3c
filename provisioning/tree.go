package provisioning

import (
	"errors"

	"github.com/ocphone/ocphone/device/boundedxml"
)

// maxDepth of elements; the deepest known document has eight levels.
const maxDepth = 32

// parseTree reads a whole document.
func parseTree(body []byte, document string) (*boundedxml.Node, error) {
	root, err := boundedxml.Parse(body, boundedxml.Limits{Bytes: MaxBody, Depth: maxDepth})
	if err != nil {
		what, cause := boundedxml.Explain(err)
		if errors.Is(cause, boundedxml.ErrEmpty) {
			cause = ErrNoBody
		}
		return nil, malformed(document, what, cause)
	}
	return root, nil
}
