package local

import (
	"cmp"
	"context"
	"database/sql"
	"log/slog"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"graphsnap/engine"
)

const (
	// DefaultRate is the number of statements per second of the demo.
	DefaultRate = 60.0
	maxRate     = 5000.0
	// DefaultDay is how long the wave of the load takes that a day makes elsewhere.
	DefaultDay    = 10 * time.Minute
	shortestDay   = time.Minute
	waveAmplitude = 0.3 // load between 70 and 130 % of the rate
	// maxUnderWay bounds the statements that run at the same time; one more is not sent and counts as an error.
	maxUnderWay      = 48
	statementTimeout = 10 * time.Second
)

// Demo is the demo database with its workload and its faults.
type Demo struct {
	dsn   string
	db    *sql.DB
	open  func(dsn string) (*sql.DB, error)
	clock engine.Clock
	log   *slog.Logger
	begun time.Time
	day   time.Duration

	rate   atomic.Uint64 // bits of a float64
	surge  atomic.Bool
	counts []count

	faultMu sync.Mutex
	active  map[string]*activeFault

	cancel context.CancelFunc
	wg     sync.WaitGroup
}

type count struct {
	sent, errors atomic.Int64
	micros       atomic.Int64
}

// OpenDemo fills an empty database with the shop, where that was not done before, and starts the workload on it. o needs
// OpenDB, Rate, Clock and Logger. Kinds: invalid, unavailable.
func OpenDemo(ctx context.Context, dsn string, o Options) (*Demo, error) {
	if o.Progress == nil {
		o.Progress = func(string, string) {}
	}
	if o.Rate == 0 {
		o.Rate = DefaultRate
	}
	if err := o.checkDay(); err != nil {
		return nil, err
	}
	db, err := o.OpenDB(dsn)
	if err != nil {
		return nil, err
	}
	if err := loadShop(ctx, db, o.Progress); err != nil {
		_ = db.Close()
		return nil, err
	}
	d := newDemo(dsn, db, o)
	d.start()
	return d, nil
}

// checkDay refuses a wave so steep that the rates of a collector do not show it. Kinds: invalid.
func (o Options) checkDay() error {
	if o.Day != 0 && o.Day < shortestDay {
		return engine.Errorf(engine.KindInvalid, "demo load", "a day of %s is too short", o.Day).WithHint("choose 1m or more, such as 24h")
	}
	return nil
}

func newDemo(dsn string, db *sql.DB, o Options) *Demo {
	db.SetMaxOpenConns(maxUnderWay)
	db.SetMaxIdleConns(maxUnderWay / 2)
	d := &Demo{dsn: dsn, db: db, open: o.OpenDB, clock: o.Clock, log: o.Logger, begun: o.Clock.Now(), day: cmp.Or(o.Day, DefaultDay), counts: make([]count, len(classes)), active: map[string]*activeFault{}}
	d.rate.Store(math.Float64bits(o.Rate))
	return d
}

func (d *Demo) start() {
	ctx, cancel := context.WithCancel(context.Background())
	d.cancel = cancel
	d.wg.Go(func() { d.drive(ctx) })
}

// Close ends the workload, the sessions of the faults and the connections.
func (d *Demo) Close(context.Context) error {
	d.cancel()
	d.endSessions()
	d.wg.Wait()
	return d.db.Close()
}

// DSN names the demo database, without its password.
func (d *Demo) DSN() string { return d.dsn }

// SetRate sets the statements per second before the wave. Kinds: invalid.
func (d *Demo) SetRate(_ context.Context, rate float64) error {
	if math.IsNaN(rate) || rate < 0 || rate > maxRate {
		return engine.Errorf(engine.KindInvalid, "demo load", "a rate of %g statements per second is out of range", rate).WithHint("choose 0 to %g", maxRate)
	}
	d.rate.Store(math.Float64bits(rate))
	return nil
}

// effectiveRate is the rate with the wave on it, per second.
func (d *Demo) effectiveRate() float64 {
	return math.Float64frombits(d.rate.Load()) * wave(d.clock.Now().Sub(d.begun), d.day)
}

// wave is the factor on the rate at a moment of the run.
func wave(since, day time.Duration) float64 {
	return 1 + waveAmplitude*math.Sin(2*math.Pi*since.Seconds()/day.Seconds())
}

// drive sends statements at exponential distances (a Poisson process), without waiting for their answers: a slow database
// gets no less load, as from real users.
func (d *Demo) drive(ctx context.Context) {
	r := rand.New(rand.NewPCG(1, 2))
	slots := make(chan struct{}, maxUnderWay)
	timer := time.NewTimer(0)
	defer timer.Stop()
	due := d.clock.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		rate := d.effectiveRate()
		if rate < 0.01 {
			due = d.clock.Now()
			timer.Reset(100 * time.Millisecond)
			continue
		}
		now := d.clock.Now()
		// Sent in small bunches when behind, as timers are coarse; a machine that slept does not catch up.
		if now.Sub(due) > time.Second {
			due = now
		}
		for !due.After(now) {
			d.send(ctx, pick(r), r, slots)
			due = due.Add(time.Duration(r.ExpFloat64() / rate * float64(time.Second)))
		}
		timer.Reset(due.Sub(now))
	}
}

// pick chooses a class by weight.
func pick(r *rand.Rand) int {
	x := r.Float64() * totalWeight
	for i, c := range classes {
		if x -= c.weight; x < 0 {
			return i
		}
	}
	return 0
}

var totalWeight = func() (sum float64) {
	for _, c := range classes {
		sum += c.weight
	}
	return sum
}()

// surgeFactor is how many times as often the surged classes are sent during a traffic-surge.
const surgeFactor = 6

// surged are the classes that a traffic-surge multiplies: people who look at their orders and at what is in stock.
var surged = map[string]bool{"order_details": true, "stock_check": true}

// surgedShare is the share of the surged classes in normal traffic.
func surgedShare() (share float64) {
	for _, c := range classes {
		if surged[c.name] {
			share += c.weight / totalWeight
		}
	}
	return share
}

func (d *Demo) send(ctx context.Context, i int, r *rand.Rand, slots chan struct{}) {
	times := 1
	if d.surge.Load() && surged[classes[i].name] {
		times = surgeFactor
	}
	for range times {
		args := classes[i].args(r)
		select {
		case slots <- struct{}{}:
		default:
			d.counts[i].errors.Add(1)
			continue
		}
		d.wg.Go(func() {
			defer func() { <-slots }()
			d.run(ctx, i, args)
		})
	}
}

// run sends one statement, reads all it gives and counts.
func (d *Demo) run(ctx context.Context, i int, args []any) {
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	start := d.clock.Now()
	rows, err := d.db.QueryContext(ctx, classes[i].sql, args...)
	if err == nil {
		for rows.Next() { // the values are of no interest, the work is
		}
		err = rows.Err()
		_ = rows.Close()
	}
	if err != nil {
		d.counts[i].errors.Add(1)
		return
	}
	d.counts[i].sent.Add(1)
	d.counts[i].micros.Add(d.clock.Now().Sub(start).Microseconds())
}

// State tells what the workload and the faults do now. Kinds: unavailable.
func (d *Demo) State(ctx context.Context) (engine.DemoState, error) {
	faults, err := d.faults(ctx)
	if err != nil {
		return engine.DemoState{}, err
	}
	s := engine.DemoState{DSN: d.dsn, Rate: math.Float64frombits(d.rate.Load()), EffectiveRate: d.effectiveRate(), Faults: faults}
	if d.surge.Load() {
		s.EffectiveRate *= 1 + (surgeFactor-1)*surgedShare()
	}
	for i, c := range classes {
		s.Classes = append(s.Classes, engine.QueryClass{
			Name: c.name, Tables: c.tables, Weight: c.weight / totalWeight,
			Sent: d.counts[i].sent.Load(), Errors: d.counts[i].errors.Load(), TotalMS: float64(d.counts[i].micros.Load()) / 1000,
		})
	}
	return s, nil
}
