package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

func (c *Control) changeProfile(r *http.Request, p Profile) (any, error) {
	p.Name = r.PathValue("name")
	return p, c.lab.SetProfile(p)
}

func (c *Control) changeRule(w http.ResponseWriter, r *http.Request) {
	var n int
	var err error
	if at := r.PathValue("n"); r.Method == http.MethodDelete || at != "end" {
		if n, err = strconv.Atoi(at); err != nil || n < 1 {
			err = fmt.Errorf("%q is no position of a rule: they are counted from 1", at)
		}
	}
	var p Profile
	switch {
	case err != nil:
	case r.Method == http.MethodDelete:
		p, err = c.lab.RemoveRule(r.PathValue("name"), n)
	default:
		var rule Rule
		if err = json.NewDecoder(r.Body).Decode(&rule); err == nil {
			p, err = c.lab.SetRule(r.PathValue("name"), n, rule)
		}
	}
	replyResult(w, p, err)
}

// Profiles lists the location profiles in the lab's Active Directory.
func (c Client) Profiles(ctx context.Context) (all []Profile, err error) {
	return all, c.call(ctx, http.MethodGet, "/v1/profiles", nil, &all)
}

// SetProfile adds a location profile or replaces the one of that name.
func (c Client) SetProfile(ctx context.Context, p Profile) error {
	return c.call(ctx, http.MethodPut, "/v1/profiles/"+url.PathEscape(p.Name), p, nil)
}

// SetRule replaces rule n of a profile, counted from 1; 0 appends a rule. It
// returns the profile after the change.
func (c Client) SetRule(ctx context.Context, profile string, n int, r Rule) (p Profile, err error) {
	at := "end"
	if n != 0 {
		at = strconv.Itoa(n)
	}
	return p, c.call(ctx, http.MethodPut, rulePath(profile, at), r, &p)
}

// RemoveRule removes rule n of a profile, counted from 1, and returns the profile
// after the change.
func (c Client) RemoveRule(ctx context.Context, profile string, n int) (p Profile, err error) {
	return p, c.call(ctx, http.MethodDelete, rulePath(profile, strconv.Itoa(n)), nil, &p)
}

func rulePath(profile, at string) string {
	return "/v1/profiles/" + url.PathEscape(profile) + "/rules/" + at
}
