package provisioning

import (
	"errors"

	"github.com/ocphone/ocphone/provisioning/internal/xmltree"
)

// parseTree reads a whole document.
func parseTree(body []byte, document string) (*xmltree.Node, error) {
	root, problem := xmltree.Parse(body, MaxBody)
	switch {
	case problem == nil:
		return root, nil
	case errors.Is(problem, xmltree.ErrEmpty):
		return nil, malformed(document, problem.What, ErrNoBody)
	}
	return nil, malformed(document, problem.What, problem.Err)
}
