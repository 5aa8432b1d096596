// Keeps a copy of a tenant's users, with their states, roles and permissions, in a file. The standard library alone.
//
//	SCIM_URL          https://HOST/NAMESPACE/NAME
//	SCIM_TOKEN        of a credential with access Read
//	STATE_FILE        the copy: users by id, and the token by which the feed goes on
//	WEBHOOK_SECRETS   whsec_…, several during a rotation; without them the feed alone tells of changes
//	PORT              of the webhook, POST /
//	RECONCILE_SECONDS how often all users are read: once a day by default
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"
)

const (
	lookEvery = time.Minute     // where webhooks say when to look: one may be late
	tolerance = 5 * time.Minute // between the sender's clock and this one
	effective = "urn:scim-operator:params:scim:schemas:extension:effective:2.0:User"
)

var (
	scimURL, token, stateFile = os.Getenv("SCIM_URL"), os.Getenv("SCIM_TOKEN"), os.Getenv("STATE_FILE")
	secrets                   = strings.Fields(os.Getenv("WEBHOOK_SECRETS"))
	client                    = &http.Client{Timeout: 90 * time.Second}
	somethingNew              = make(chan struct{}, 1)
	errTokenTooOld            = errors.New("the token is older than the events that are kept")
)

// Shown is a user as the feed and the read-only extension show it.
type Shown struct {
	ID          string         `json:"id"`
	UserName    string         `json:"userName"`
	ExternalID  *string        `json:"externalId"`
	State       string         `json:"state"`
	Permissions []string       `json:"permissions"`
	Profile     map[string]any `json:"profile"`
	Roles       []struct {
		Value string `json:"value"`
	} `json:"roles"`
}

// User is what is kept.
type User struct {
	UserName    string         `json:"userName"`
	ExternalID  *string        `json:"externalId"`
	State       string         `json:"state"`
	Permissions []string       `json:"permissions"`
	Profile     map[string]any `json:"profile"`
	Roles       []string       `json:"roles"`
}

type State struct {
	Next  string          `json:"next"`
	Users map[string]User `json:"users"`
}

type Event struct {
	Type string `json:"type"`
	User *Shown `json:"user"`
}

func get(path string, parameters url.Values, answer any) error {
	for {
		request, err := http.NewRequest(http.MethodGet, scimURL+path+"?"+parameters.Encode(), nil)
		if err != nil {
			return err
		}
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := client.Do(request)
		if err != nil { // the server is away
			time.Sleep(5 * time.Second)
			continue
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		switch {
		case err != nil:
			time.Sleep(5 * time.Second)
		case response.StatusCode == http.StatusOK:
			return json.Unmarshal(body, answer)
		case response.StatusCode == http.StatusGone:
			return errTokenTooOld
		case response.StatusCode == http.StatusTooManyRequests || response.StatusCode == http.StatusServiceUnavailable:
			seconds, err := strconv.Atoi(response.Header.Get("Retry-After"))
			if err != nil {
				seconds = 5
			}
			time.Sleep(time.Duration(seconds) * time.Second)
		default:
			return fmt.Errorf("%s: %s", path, response.Status)
		}
	}
}

// save writes users and token together, or neither: a crash repeats events, and loses none.
func (state State) save() error {
	content, err := json.Marshal(state)
	if err != nil {
		return err
	}
	if err := os.WriteFile(stateFile+".new", content, 0o600); err != nil {
		return err
	}
	return os.Rename(stateFile+".new", stateFile)
}

func endSessions(userName string) { fmt.Printf("sessions of %s ended\n", userName) }

func (shown Shown) kept() User {
	roles := make([]string, 0, len(shown.Roles))
	for _, role := range shown.Roles {
		roles = append(roles, role.Value)
	}
	sort.Strings(roles)
	return User{shown.UserName, shown.ExternalID, shown.State, shown.Permissions, shown.Profile, roles}
}

// reconcile reads all users. The token is taken first: what changes meanwhile is told again.
func reconcile(before map[string]User) (State, error) {
	state := State{Users: map[string]User{}}
	if err := get("/events", url.Values{"after": {"now"}}, &state); err != nil {
		return state, err
	}
	for cursor := new(string); cursor != nil; {
		var page struct {
			Resources  []map[string]json.RawMessage
			NextCursor *string `json:"nextCursor"`
		}
		parameters := url.Values{"count": {"1000"}, "cursor": {*cursor}, "attributes": {"userName,externalId,effective"}}
		if err := get("/scim/v2/Users", parameters, &page); err != nil {
			return state, err
		}
		for _, found := range page.Resources {
			var shown Shown
			for _, part := range []struct {
				name string
				into any
			}{{effective, &shown}, {"id", &shown.ID}, {"userName", &shown.UserName}, {"externalId", &shown.ExternalID}} {
				if content, ok := found[part.name]; ok {
					if err := json.Unmarshal(content, part.into); err != nil {
						return state, err
					}
				}
			}
			state.Users[shown.ID] = shown.kept()
		}
		cursor = page.NextCursor
	}
	for id, user := range before {
		if user.State == "active" && state.Users[id].State != "active" {
			endSessions(user.UserName)
		}
	}
	fmt.Printf("%d users read\n", len(state.Users))
	return state, nil
}

// apply takes the whole user after the change from the event, so that repeats do no harm.
func (state State) apply(event Event) {
	if event.User == nil {
		return
	}
	known, isKnown := state.Users[event.User.ID]
	switch {
	case event.Type == "user.deleted":
		if isKnown {
			endSessions(known.UserName)
		}
		delete(state.Users, event.User.ID)
	case event.Type == "user.created" || isKnown:
		if event.Type == "user.blocked" {
			endSessions(event.User.UserName)
		}
		state.Users[event.User.ID] = event.User.kept()
	}
}

func follow() error {
	interval := 24 * time.Hour
	if seconds, err := strconv.ParseFloat(os.Getenv("RECONCILE_SECONDS"), 64); err == nil {
		interval = time.Duration(seconds * float64(time.Second))
	}
	wait := "30" // seconds that the feed holds a request; webhooks make it needless
	if len(secrets) > 0 {
		wait = "0"
	}
	var state State
	content, err := os.ReadFile(stateFile)
	if err == nil {
		err = json.Unmarshal(content, &state)
	} else if errors.Is(err, os.ErrNotExist) {
		if state, err = reconcile(nil); err == nil {
			err = state.save()
		}
	}
	if err != nil {
		return err
	}
	reconciled := time.Now()
	for {
		select {
		case <-somethingNew:
		default:
		}
		var page struct {
			Events []Event `json:"events"`
			Next   string  `json:"next"`
		}
		err := get("/events", url.Values{"after": {state.Next}, "limit": {"1000"}, "wait": {wait}}, &page)
		if err == nil {
			for _, event := range page.Events {
				state.apply(event)
			}
			state.Next = page.Next
		}
		if errors.Is(err, errTokenTooOld) || time.Since(reconciled) > interval {
			state, err = reconcile(state.Users)
			reconciled = time.Now()
		}
		if err == nil {
			err = state.save()
		}
		if err != nil {
			return err
		}
		if len(secrets) > 0 && len(page.Events) == 0 {
			select {
			case <-somethingNew:
			case <-time.After(lookEvery):
			}
		}
	}
}

// isGenuine is as Standard Webhooks have it: the signature is of the id, the time and the body as it came.
func isGenuine(header http.Header, body []byte) bool {
	id, sent := header.Get("Webhook-Id"), header.Get("Webhook-Timestamp")
	seconds, err := strconv.ParseInt(sent, 10, 64)
	if err != nil || time.Since(time.Unix(seconds, 0)).Abs() > tolerance {
		return false
	}
	for _, secret := range secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
		if err != nil {
			continue
		}
		expected := hmac.New(sha256.New, key)
		fmt.Fprintf(expected, "%s.%s.", id, sent)
		expected.Write(body)
		for _, signature := range strings.Fields(header.Get("Webhook-Signature")) {
			given, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(signature, "v1,"))
			if err == nil && strings.HasPrefix(signature, "v1,") && hmac.Equal(given, expected.Sum(nil)) {
				return true
			}
		}
	}
	return false
}

// receive says only that there is something new. The feed says what, in order and without gaps.
func receive(response http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(response, request.Body, 1<<20))
	if err != nil || !isGenuine(request.Header, body) {
		response.WriteHeader(http.StatusUnauthorized)
		return
	}
	response.WriteHeader(http.StatusNoContent)
	select {
	case somethingNew <- struct{}{}:
	default:
	}
}

func main() {
	if len(secrets) > 0 {
		server := &http.Server{
			Addr: "127.0.0.1:" + os.Getenv("PORT"), Handler: http.HandlerFunc(receive), ReadTimeout: 10 * time.Second,
		}
		go func() { log.Fatal(server.ListenAndServe()) }()
	}
	log.Fatal(follow())
}
