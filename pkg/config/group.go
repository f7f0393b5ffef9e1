package config

import "github.com/bcctl/bcctl/internal/duration"

// GroupSpec is a set of resources that belong together: an application with its
// databases, or a site's share of a platform.
type GroupSpec struct {
	// Description says what the group is.
	Description string `json:"description,omitempty"`
	// Owner is the team or person who answers for the group.
	Owner string `json:"owner,omitempty"`
	// Tier is the tier of the group; default the highest of its members.
	Tier int `json:"tier,omitempty" jsonschema:"enum=1,enum=2"`
	// Members are the resources, and other groups, that belong to the group.
	Members []Member `json:"members" jsonschema:"minItems=1"`
	// DependsOn names resources and groups that must be ready before this one.
	DependsOn []string `json:"dependsOn,omitempty" jsonschema:"format=bcctl-name,uniqueItems=true"`
	// Objectives hold for the members that have none of their own.
	Objectives Objectives `json:"objectives,omitzero"`
	// Caps limit how much of the group one run may touch.
	Caps Caps `json:"caps,omitzero"`
}

// Member is one member of a group.
type Member struct {
	// Name is the name of a resource or group.
	Name string `json:"name" jsonschema:"format=bcctl-name"`
	// Optional says that the member makes the group at most yellow.
	Optional bool `json:"optional,omitempty"`
}

// Caps limit the blast radius of a run.
type Caps struct {
	// PerRun is how many resources one run may touch.
	PerRun int `json:"perRun,omitempty" jsonschema:"minimum=1"`
	// PerSite is how many resources of one site may be touched at the same time.
	PerSite int `json:"perSite,omitempty" jsonschema:"minimum=1"`
	// PerWindow is how many resources may be touched in a stretch of time.
	PerWindow *WindowCap `json:"perWindow,omitempty"`
}

// WindowCap limits a number in a stretch of time.
type WindowCap struct {
	// Count is the number of resources.
	Count int `json:"count" jsonschema:"minimum=1"`
	// Window is the stretch of time.
	Window duration.Duration `json:"window"`
}

// SiteListSpec lists the places where databases stand.
type SiteListSpec struct {
	// Sites are the places. A place may be listed once only, whatever the number of
	// SiteList documents.
	Sites []Site `json:"sites" jsonschema:"minItems=1"`
}

// Site is a data centre, a cloud region or a zone.
type Site struct {
	// Name identifies the site.
	Name string `json:"name" jsonschema:"format=bcctl-name"`
	// Description says where and what it is.
	Description string `json:"description,omitempty"`
	// Provider is who runs it, such as aws or own.
	Provider string `json:"provider,omitempty"`
	// Region is the provider's name of the place.
	Region string `json:"region,omitempty"`
	// Labels are for selecting sites.
	Labels map[string]string `json:"labels,omitempty"`
}
