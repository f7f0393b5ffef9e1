package cli

import (
	"context"

	"github.com/bcctl/bcctl/internal/store"
)

func (a *app) openStore(ctx context.Context, r *repository) (*store.DB, error) {
	url, err := a.storeURL(r)
	if err != nil {
		return nil, err
	}
	return store.OpenWith(ctx, url, store.Options{
		Replay:    r.settings.Replay != "",
		Retention: store.Retention{Raw: r.settings.Store.Raw},
	})
}

// closeStore ends the use of a history. What was read stays read whatever happens.
func (a *app) closeStore(db *store.DB) {
	if err := db.Close(); err != nil {
		a.remark("%v", err)
	}
}
