package configs

import (
	"fmt"
	"net/url"
	pathlib "path"
	"slices"
	"strings"
	"time"
)

// longest is the longest cool-down and the like that makes sense.
const longest = Duration(year)

// check looks at values that are well-formed but make no sense.
func check(c *Config, r *report) {
	checkServers(c, r)
	checkSources(c, r)
	if c.Collect.Interval < Duration(time.Second) {
		r.at("collect.interval", "write 1s or more", "collect.interval %s is shorter than 1s", c.Collect.Interval)
	} else if c.Collect.Window < c.Collect.Interval {
		r.at("collect.window", "write at least collect.interval, better ten times that", "collect.window %s is shorter than collect.interval %s", c.Collect.Window, c.Collect.Interval)
	}
	checkThresholds(c.Collect.Thresholds, r)
	oneOf(r, "log.level", c.Log.Level, []string{"debug", "info", "warn", "error"}, "levels are")
	oneOf(r, "log.format", c.Log.Format, []string{"text", "json"}, "formats are")
	if _, err := loadZone(c.Zone); err != nil {
		r.at("zone", zoneHint(c.Zone), "there is no time zone %q", c.Zone)
	}
	checkRetention(c, r)
	checkTemplates(c, r)
	checkRecorder(c.Recorder, r)
	checkWebhooks(c, r)
	checkStorage(c, r)
	c.set(r)
}

func oneOf(r *report, path, word string, words []string, what string) bool {
	if slices.Contains(words, word) {
		return true
	}
	r.at(path, guess(word, words, what), "%s is %q", path, word)
	return false
}

func checkServers(c *Config, r *report) {
	if c.Server.Port < 1 || c.Server.Port > 65535 {
		r.at("server.port", "choose 1 to 65535", "server.port %d is out of range", c.Server.Port)
	}
	if c.Server.ImportLimitMB < 1 || c.Server.ImportLimitMB > 1<<30 {
		r.at("server.import_limit_mb", "write the MiB that one import may have, such as 16384", "server.import_limit_mb %d is out of range", c.Server.ImportLimitMB)
	}
	for _, d := range []struct{ path, uri string }{{"live.uri", c.Live.URI}, {"snapshots.uri", c.Snapshots.URI}} {
		u, err := url.Parse(d.uri)
		if err != nil || u.Host == "" || !slices.Contains([]string{"bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc"}, u.Scheme) {
			r.at(d.path, "write bolt://HOST:7687 or neo4j+s://HOST", "%s %q is no address of a Neo4j", d.path, d.uri)
		}
	}
	if c.Snapshots.DefaultSource != "" {
		r.atKey("snapshots.default_source", "it belongs to live", "snapshots has no default source")
	}
}

func checkSources(c *Config, r *report) {
	seen, preferred := map[string]int{}, -1
	for i, s := range c.Sources {
		path := fmt.Sprintf("sources[%d]", i)
		if other, twice := seen[s.Name]; s.Name == "" {
			r.at(path, "give it one: name: shop", "the source has no name")
		} else if twice {
			r.at(path+".name", "names tell sources apart", "two sources are called %q: this one and that in %s", s.Name, r.where(fmt.Sprintf("sources[%d]", other)))
		} else {
			seen[s.Name] = i
		}
		if s.Type != "" {
			oneOf(r, path+".type", s.Type, []string{"postgresql", "mysql", "mariadb"}, "types are")
		}
		if s.DSN == "" {
			r.at(path, "write dsn: postgres://USER@HOST:5432/DATABASE or mysql://USER@HOST:3306/DATABASE", "source %q has no dsn", s.Name)
		}
		if s.Interval != 0 && s.Interval < Duration(time.Second) {
			r.at(path+".interval", "write 1s or more", "the interval %s of source %q is shorter than 1s", s.Interval, s.Name)
		}
		if s.Default && preferred >= 0 {
			r.at(path+".default", "keep `default: true` at one", "two sources are the default: this one and that in %s", r.where(fmt.Sprintf("sources[%d]", preferred)))
		} else if s.Default {
			preferred = i
		}
	}
}

// checkSourceNames looks for rules and the like that name a source which nobody configures. Other producers write sources
// into the live graph too, so it is only a warning.
func checkSourceNames(c *Config, path string, list []string, r *report) {
	for i, name := range list {
		if name == "" {
			r.at(fmt.Sprintf("%s[%d]", path, i), "write the name of a source", "the name of a source is empty")
			continue
		}
		if len(c.Sources) > 0 && !slices.ContainsFunc(c.Sources, func(s Source) bool { return s.Name == name }) && name != c.Live.DefaultSource {
			known := make([]string, len(c.Sources))
			for k, s := range c.Sources {
				known[k] = s.Name
			}
			r.warn("%sno source %q is configured; %s", r.position(find(r.values, fmt.Sprintf("%s[%d]", path, i))), name, guess(name, known, "sources are"))
		}
	}
}

func checkThresholds(t Thresholds, r *report) {
	for _, l := range []struct {
		name   string
		levels Levels
	}{{"avg_latency_ms", t.AvgLatencyMS}, {"time_ms_per_s", t.TimeMSPerS}, {"hotspot_score", t.HotspotScore}} {
		if l.levels.Medium > l.levels.High || l.levels.High > l.levels.Critical || l.levels.Medium < 0 {
			r.at("collect.thresholds."+l.name, "write rising values, such as {medium: 50, high: 200, critical: 1000}", "medium %g, high %g and critical %g do not rise", l.levels.Medium, l.levels.High, l.levels.Critical)
		}
	}
	if l := t.IndexEfficiency; l.Medium < l.High || l.High < l.Critical || l.Critical < 0 {
		r.at("collect.thresholds.index_efficiency_pct", "it is bad when low: write falling values, such as {medium: 50, high: 20, critical: 5}", "medium %g, high %g and critical %g do not fall", l.Medium, l.High, l.Critical)
	}
	if t.MinShare < 0 || t.MinShare > 1 {
		r.at("collect.thresholds.min_share", "write a part, 0 to 1", "min_share %g is out of range", t.MinShare)
	}
	if t.MinLatencyMS < 0 {
		r.at("collect.thresholds.min_latency_ms", "write 0 or more", "min_latency_ms %g is negative", t.MinLatencyMS)
	}
}

func checkRetention(c *Config, r *report) {
	t := c.Retention
	for _, k := range []struct {
		name  string
		count int
	}{{"keep_last", t.KeepLast}, {"keep_hourly", t.KeepHourly}, {"keep_daily", t.KeepDaily}, {"keep_weekly", t.KeepWeekly}, {"keep_monthly", t.KeepMonthly}, {"keep_yearly", t.KeepYearly}} {
		if k.count < -1 {
			r.at("retention."+k.name, "write how many, or -1 for all", "%s is %d", k.name, k.count)
		}
	}
	if t.MaxSnapshots < 0 || t.MaxSnapshots == 0 && r.written("retention.max_snapshots") {
		r.at("retention.max_snapshots", "write how many may stay, such as 10000, or leave the key out for no limit", "max_snapshots is %d", t.MaxSnapshots)
	}
	for _, class := range names(t.Classes) {
		if !classForm.MatchString(class) {
			r.atKey("retention.classes."+class, "use small letters, digits, - and _, at most 40", "%q is no name of a retention class", class)
		} else if slices.Contains(append([]string{"auto"}, retentionClasses...), class) {
			key := class + "_snapshots"
			if class == "high_severity" {
				key = class
			}
			hint := "write " + key + " beside classes, not in it"
			if class == "permanent" {
				hint = "give that class another name"
			}
			r.atKey("retention.classes."+class, hint, "the retention class %q is built in", class)
		}
	}
}

// checkClass looks whether a retention class exists.
func checkClass(c *Config, path, class string, r *report) {
	known := append(slices.Clone(retentionClasses), names(c.Retention.Classes)...)
	if class != "" && !slices.Contains(known, class) {
		r.at(path, guess(class, known, "classes are"), "there is no retention class %q", class)
	}
}

func checkTemplates(c *Config, r *report) {
	for _, name := range names(c.Templates) {
		t, path := c.Templates[name], "templates."+name
		if !nameForm.MatchString(name) || len(name) > maxName {
			r.atKey(path, "use letters, digits, _, - and .", "%q is no name of a template", name)
		}
		checkSourceNames(c, path+".sources", t.Sources, r)
		for _, list := range []struct {
			key   string
			words []string
		}{{"labels", t.Labels}, {"relationship_types", t.RelationshipTypes}, {"keys", t.Keys}, {"properties", t.Properties}, {"tags", t.Tags}} {
			for i, word := range list.words {
				if strings.TrimSpace(word) == "" {
					r.at(fmt.Sprintf("%s.%s[%d]", path, list.key, i), "remove it, or write what it shall select", "an entry of %s is empty", list.key)
				}
			}
		}
		for i, pattern := range t.Keys {
			// The same form as file names have, except that / is a character as any other.
			if _, err := pathlib.Match(strings.ReplaceAll(strings.TrimPrefix(pattern, "!"), "/", "_"), ""); err != nil || pattern == "!" {
				r.at(fmt.Sprintf("%s.keys[%d]", path, i), "write order* or !*_archive; [a-z] stands for one character, \\ takes the meaning of the next away", "the key pattern %q cannot be read", pattern)
			}
		}
		checkClass(c, path+".retention", t.Retention, r)
	}
}

func checkRecorder(t Recorder, r *report) {
	const section = "recorder."
	switch {
	case t.Length == 0: // switched off
	case t.Length < Duration(10*time.Second) || t.Length > Duration(day):
		r.at(section+"length", "write 10s to 1d; 0 switches the recorder off", "recorder.length %s is out of range", t.Length)
	}
	if t.MemoryMB < 1 {
		r.at(section+"memory_mb", "write the MiB that all frames together may take, such as 256", "recorder.memory_mb is %d", t.MemoryMB)
	}
	if t.Before < 0 || t.Before > 100 {
		r.at(section+"before", "write how many frames a case gets from before its trigger, 0 to 100", "recorder.before is %d", t.Before)
	}
	if t.FollowUps < 0 || t.FollowUps > 1000 {
		r.at(section+"follow_ups", "write 0 to 1000", "recorder.follow_ups is %d", t.FollowUps)
	}
	if t.FollowUpEvery < Duration(time.Second) {
		r.at(section+"follow_up_every", "write 1s or more, such as 1m", "recorder.follow_up_every is %s", t.FollowUpEvery)
	}
	if t.Recovery < Duration(time.Second) {
		r.at(section+"recovery", "write how long all must be well, such as 2m", "recorder.recovery is %s", t.Recovery)
	}
	if t.Limit < t.Recovery || t.Limit > longest {
		r.at(section+"limit", "write more than recorder.recovery and at most 1y, such as 2h", "recorder.limit is %s", t.Limit)
	}
}

func checkWebhooks(c *Config, r *report) {
	seen := map[string]int{}
	for i, w := range c.Webhooks {
		path := fmt.Sprintf("webhooks[%d]", i)
		// The address itself may hold a token, so it is never repeated.
		u, err := url.Parse(string(w.URL))
		switch {
		case w.URL == "":
			r.at(path, "write url: https://HOST/PATH", "the webhook has no url")
		case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
			r.at(path+".url", "write https://HOST/PATH", "the url of the webhook is no web address")
		}
		if w.Secret != "" && w.SecretFile != "" {
			r.at(path+".secret_file", "keep one of the two", "the webhook has both secret and secret_file")
		}
		if name := w.Label(); name != "" {
			if other, twice := seen[name]; twice {
				r.at(path, "give one of them a name", "two webhooks are called %q: this one and that in %s", name, r.where(fmt.Sprintf("webhooks[%d]", other)))
			}
			seen[name] = i
		}
		for k, e := range w.Events {
			if !slices.Contains(WebhookEvents, e) {
				r.at(fmt.Sprintf("%s.events[%d]", path, k), guess(e, WebhookEvents, "events are"), "there is no event %q", e)
			}
		}
		checkSourceNames(c, path+".sources", w.Sources, r)
	}
}

func checkStorage(c *Config, r *report) {
	if oneOf(r, "storage.type", c.Storage.Type, []string{StorageNeo4j, StorageFilesystem, StorageTimeseries}, "types are") && c.Storage.Type != StorageNeo4j {
		what := "an archive in files"
		if c.Storage.Type == StorageTimeseries {
			what = "a mirror in a time-series database"
		}
		r.warn("%sstorage.type %s asks for %s, which this version does not write yet; snapshots are kept in Neo4j, as always",
			r.position(find(r.values, "storage.type")), c.Storage.Type, what)
	}
	for i, f := range c.Export.Formats {
		if !slices.Contains([]string{"json", "cypher", "csv"}, f) {
			r.at(fmt.Sprintf("export.formats[%d]", i), guess(f, []string{"json", "cypher", "csv"}, "formats are"), "there is no export format %q", f)
		}
	}
}

// loadZone gives a zone by name; local and "" are that of the machine.
func loadZone(name string) (*time.Location, error) {
	switch strings.ToLower(name) {
	case "", "local":
		return time.Local, nil
	case "utc":
		return time.UTC, nil
	}
	return time.LoadLocation(name)
}

// commonZones are what a mistyped zone is likely to mean; the machine's data base of zones cannot be listed.
var commonZones = strings.Fields(`UTC local Europe/Prague Europe/Berlin Europe/London Europe/Paris Europe/Madrid Europe/Rome Europe/Vienna Europe/Warsaw
Europe/Amsterdam Europe/Zurich Europe/Stockholm Europe/Kyiv Europe/Istanbul America/New_York America/Chicago America/Denver America/Los_Angeles
America/Toronto America/Sao_Paulo America/Mexico_City Asia/Tokyo Asia/Shanghai Asia/Singapore Asia/Kolkata Asia/Dubai Asia/Seoul Australia/Sydney
Pacific/Auckland Africa/Johannesburg Africa/Cairo`)

func zoneHint(name string) string {
	if near := nearest(name, commonZones); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "write UTC, local or an IANA name such as Europe/Prague"
}
