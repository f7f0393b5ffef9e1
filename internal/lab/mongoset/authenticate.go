package mongoset

import (
	"errors"

	"github.com/xdg-go/scram"
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
)

// login is a conversation by which a client proves that it knows a password
// (SCRAM-SHA-256, RFC 7677; "Authentication" of the driver specifications).
type login struct {
	conversation *scram.ServerConversation
	id           int32
	skipEmpty    bool // the client wants no empty exchange at the end
	proved       bool
}

var errNoUser = errors.New("no such user")

// saslStart begins a conversation and returns the server's first message.
func (c *call) saslStart(command bson.D, db string) (bson.D, *failure) {
	c.session.login, c.session.user = nil, nil
	mechanism, _ := lookup(command, "mechanism").(string)
	if mechanism != "SCRAM-SHA-256" {
		return nil, fail(codeMechanismUnavailable, "Received authentication for mechanism %s which is not enabled", mechanism)
	}
	payload, ok := lookup(command, "payload").(primitive.Binary)
	if !ok || db != "admin" || c.server.arbiter() {
		return nil, authenticationFailed()
	}
	server, err := scram.SHA256.NewServer(func(name string) (scram.StoredCredentials, error) {
		u := c.server.set.users[name]
		if u == nil {
			return scram.StoredCredentials{}, errNoUser
		}
		return u.credential, nil
	})
	if err != nil {
		return nil, authenticationFailed()
	}
	c.session.conversations++
	l := &login{conversation: server.NewConversation(), id: c.session.conversations, skipEmpty: truth(lookup(command, "options.skipEmptyExchange"))}
	answer, err := l.conversation.Step(string(payload.Data))
	if err != nil {
		return nil, authenticationFailed()
	}
	c.session.login = l
	return l.reply(answer, false), nil
}

func (c *call) saslContinue() (bson.D, *failure) {
	l := c.session.login
	payload, ok := lookup(c.body, "payload").(primitive.Binary)
	id, isNumber := number(lookup(c.body, "conversationId"))
	if l == nil || !ok || !isNumber || int32(id) != l.id {
		return nil, authenticationFailed()
	}
	if l.proved {
		c.session.login = nil
		return l.reply("", true), nil
	}
	answer, err := l.conversation.Step(string(payload.Data))
	if err != nil || !l.conversation.Valid() {
		c.session.login = nil
		return nil, authenticationFailed()
	}
	l.proved = true
	c.session.user = c.server.set.users[l.conversation.Username()]
	if l.skipEmpty {
		c.session.login = nil
	}
	return l.reply(answer, l.skipEmpty), nil
}

func (l *login) reply(payload string, done bool) bson.D {
	return bson.D{
		{Key: "conversationId", Value: l.id}, {Key: "done", Value: done},
		{Key: "payload", Value: primitive.Binary{Data: []byte(payload)}},
	}
}

func authenticationFailed() *failure { return fail(codeAuthenticationFailed, "Authentication failed.") }
