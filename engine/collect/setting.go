package collect

import (
	"context"
	"strings"

	"graphsnap/engine"
)

// setting is a setting of the server, or of this database or a role in it, that is not the default.
type setting struct {
	name, value, unit, origin string
	pendingRestart            bool
}

// extension is an installed extension.
type extension struct{ name, version, schema string } // schema quoted

const (
	// What this session itself set is no setting of the database. Settings that may hold passwords are shown without value.
	querySettings = `SELECT ` + mark + ` s.name, coalesce(s.setting, ''), coalesce(s.unit, ''), s.source, s.pending_restart
FROM pg_settings s
WHERE (s.source NOT IN ('default', 'override', 'client', 'session') AND s.setting IS DISTINCT FROM s.boot_val OR s.pending_restart)
ORDER BY s.name`

	// Settings of databases and roles hold for new sessions only; ours is an old one, and its user another.
	queryScopedSettings = `SELECT ` + mark + ` unnest(d.setconfig), CASE WHEN d.setdatabase = 0 THEN '' ELSE 'database' END, coalesce(r.rolname::text, '')
FROM pg_db_role_setting d LEFT JOIN pg_roles r ON r.oid = d.setrole
WHERE d.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))`

	queryExtensions = `SELECT ` + mark + ` e.extname::text, e.extversion::text, quote_ident(n.nspname)
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace ORDER BY e.extname`
)

// secretSettings may hold a password or a key.
var secretSettings = []string{"conninfo", "passphrase", "password", "_command", "ssl_", "krb_"}

func (r *reader) settings(ctx context.Context) ([]setting, error) {
	rows, err := r.conn.Query(ctx, querySettings)
	if err != nil {
		return nil, err
	}
	var list []setting
	for rows.Next() {
		var s setting
		if err := rows.Scan(&s.name, &s.value, &s.unit, &s.origin, &s.pendingRestart); err != nil {
			rows.Close()
			return nil, err
		}
		if s.origin == "database" || s.origin == "user" || s.origin == "database user" || s.origin == "global" {
			continue // read below, as of now
		}
		list = append(list, s)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	rows, err = r.conn.Query(ctx, queryScopedSettings)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var text, database, role string
		if err := rows.Scan(&text, &database, &role); err != nil {
			return nil, err
		}
		name, value, _ := strings.Cut(text, "=")
		origin := strings.TrimSpace(database + " " + strings.TrimSpace("role "+role))
		if role == "" {
			origin = database
		}
		list = append(list, setting{name: name, value: value, origin: origin})
	}
	return list, rows.Err()
}

func (r *reader) extensions(ctx context.Context) ([]extension, error) {
	rows, err := r.conn.Query(ctx, queryExtensions)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []extension
	for rows.Next() {
		var x extension
		if err := rows.Scan(&x.name, &x.version, &x.schema); err != nil {
			return nil, err
		}
		list = append(list, x)
	}
	return list, rows.Err()
}

// scoped gives a name under which settings of one name and several origins stand side by side.
func (s setting) scoped() string {
	if strings.HasPrefix(s.origin, "database") || strings.HasPrefix(s.origin, "role") {
		return s.name + " (" + s.origin + ")"
	}
	return s.name
}

func (r *round) settingNodes(b *builder) {
	database := engine.NodeKey(r.database, labelDatabase)
	for _, s := range r.evidence.settings {
		key := engine.NodeKey(s.scoped(), labelSetting)
		p := engine.Properties{"name": s.name, "value": s.value, "origin": s.origin, "pending_restart": s.pendingRestart}
		if s.unit != "" {
			p["unit"] = s.unit
		}
		for _, secret := range secretSettings {
			if strings.Contains(s.name, secret) {
				p["value"] = "(not shown)"
			}
		}
		b.node(key, labelSetting, p)
		b.link(database, relHasSetting, key, "", nil)
	}
	for _, x := range r.evidence.extensions {
		key := engine.NodeKey(x.name, labelExtension)
		b.node(key, labelExtension, engine.Properties{"name": x.name, "version": x.version})
		b.link(database, relHasExtension, key, "", nil)
	}
}
