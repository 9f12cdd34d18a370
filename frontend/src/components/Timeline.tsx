import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { api, must, ProblemError } from '../api/client'
import { figure, utc } from '../lib/format'
import { type Cell, cells, counted, gaps, linesOf, move, reveal, spanOf, spanText, step, type Tick, ticksOf, type View, whole, zoom } from '../lib/timeline'
import { colorsOf, draw, heightOf, lanesOf, left, right } from '../lib/strip'
import { Loading } from './States'

/** How near the pointer must be to a tick to mean it, and how far it goes until a click is a brush, CSS pixels. */
const reach = 9
const dragged = 4

const iso = (ms: number) => new Date(ms).toISOString()

type Filters = { source?: string; trigger?: string; severity?: string; since?: string; until?: string; zoom?: string }

type Props = {
  search: Filters
  set: (change: Partial<Filters>) => void
  /** The sources that the viewer knows of, for a server that has several. */
  sources: string[]
  chosen: { id: string; at: number }[]
  /** Makes a snapshot one side of a comparison; the other side is what was chosen before, else the newest. */
  setSide: (side: 'A' | 'B', of: { id: string; at: number }, newest: { id: string; at: number }) => void
}

/** All snapshots of a source in the order of time, on one canvas. The list below says the same in words. */
export function Timeline(p: Props) {
  const [picked, setPicked] = useState('')
  const source = p.search.source ?? (picked || undefined)
  const query = useQuery({ queryKey: ['timeline', source ?? ''], queryFn: () => must(api.GET('/api/performance/timeline', { params: { query: { source } } })) })
  const ticks = useMemo(() => ticksOf(query.data?.snapshots ?? []), [query.data])
  // Without a name the server takes the only source or the default one; with several and no default it has to be told.
  const unnamed = query.error instanceof ProblemError && query.error.status === 400 && source === undefined
  const missing = query.error instanceof ProblemError && query.error.status === 404
  return (
    <section className="strip" aria-label="Timeline" data-testid="timeline">
      {!p.search.source && p.sources.length > 1 && (unnamed || ticks.length > 0) && (
        <label className="strip-source">
          Timeline of{' '}
          <select value={picked} onChange={(e) => setPicked(e.target.value)}>
            <option value="">{unnamed ? 'choose a source' : 'the default source'}</option>
            {p.sources.map((s) => (
              <option key={s}>{s}</option>
            ))}
          </select>
        </label>
      )}
      {query.isPending && <Loading what="the timeline" />}
      {query.isError && !unnamed && !missing && (
        <p className="warning" role="alert">
          The timeline cannot be drawn: {query.error.message} {query.error instanceof ProblemError && <i>{query.error.hint}</i>}{' '}
          <button className="link" onClick={() => void query.refetch()}>
            Try again
          </button>
        </p>
      )}
      {(missing || (query.isSuccess && ticks.length === 0)) && <p className="dim">{p.search.source ? `Source ${p.search.source} has no timeline.` : 'The timeline begins with the first snapshot.'}</p>}
      {ticks.length > 0 && !query.isError && <Strip {...p} ticks={ticks} />}
    </section>
  )
}

type Brush = { from: number; to: number }

function Strip({ search, set, chosen, setSide, ticks }: Props & { ticks: Tick[] }) {
  const navigate = useNavigate()
  const canvas = useRef<HTMLCanvasElement>(null)
  const [frame, width] = useWidth()
  const scheme = useScheme()
  const bounds = useMemo(() => whole(ticks), [ticks])
  const [zoomed, setZoomed] = useZoom(search.zoom, (zoom) => set({ zoom }))
  const [at, setAt] = useState<string | null>(null) // the snapshot that the keys have reached
  const [hover, setHover] = useState<Cell | null>(null)
  const [brush, setBrush] = useState<Brush | null>(null)
  const pressed = useRef<{ x: number; at: number } | null>(null)

  const view = zoomed ?? bounds
  const inner = Math.max(1, width - left - right)
  const lanes = useMemo(() => lanesOf(ticks), [ticks])
  const counts = useMemo(() => counted(ticks), [ticks])
  const lines = useMemo(() => linesOf(ticks, (r) => r.avg_latency), [ticks])
  const unknown = useMemo(() => gaps(lines), [lines])
  const fitting = useMemo(
    () => ticks.filter(({ row }) => (!search.trigger || row.trigger_type === search.trigger) && (!search.severity || row.severity === search.severity)),
    [ticks, search.trigger, search.severity],
  )
  const shown = useMemo(() => cells(fitting, view, inner, reach), [fitting, view, inner])
  const listed = useMemo(() => listedSpan(search), [search.since, search.until])
  const index = fitting.findIndex((t) => t.row.snapshot_id === at)
  const newest = ticks.at(-1)!
  const selected = fitting[index]

  useEffect(() => {
    const c = canvas.current
    if (!c || width === 0) return
    const next = requestAnimationFrame(() =>
      draw(c, width, colorsOf(c), { view, lanes, cells: shown, lines, unknown, listed, brush, selected, hover: hover?.worst ?? null, chosen }),
    )
    return () => cancelAnimationFrame(next)
  }, [width, scheme, view, lanes, shown, lines, unknown, listed, brush, selected, hover, chosen])

  const timeAt = (x: number) => view.from + ((x - left) / inner) * (view.to - view.from)
  const setView = (v: View) => setZoomed(v.from <= bounds.from && v.to >= bounds.to ? null : v)
  const cellAt = (x: number, y: number): Cell | null => {
    let best: Cell | null = null
    let distance = reach
    for (const c of shown) {
      const d = Math.hypot(c.x + left - x, lanes.y(c.trigger) - y)
      if (d <= distance) {
        best = c
        distance = d
      }
    }
    return best
  }
  const open = (t: Tick) => void navigate({ to: '/snapshots/$id', params: { id: t.row.snapshot_id }, search: {} })
  const side = (s: 'A' | 'B', t: Tick) => setSide(s, { id: t.row.snapshot_id, at: t.at }, { id: newest.row.snapshot_id, at: newest.at })

  // React listens to wheels passively, so that the page would scroll as well.
  const onWheel = (e: WheelEvent) => {
    const sideways = Math.abs(e.deltaX) > Math.abs(e.deltaY)
    if (!sideways && e.deltaY > 0 && zoomed === null) return // nothing is farther away: the page scrolls
    e.preventDefault()
    const unit = e.deltaMode === 1 ? 16 : 1
    if (sideways) setView(move(view, ((e.deltaX * unit) / inner) * (view.to - view.from), bounds))
    else setView(zoom(view, timeAt(e.clientX - canvas.current!.getBoundingClientRect().left), Math.exp(Math.max(-120, Math.min(120, e.deltaY * unit)) * 0.003), bounds))
  }
  const wheel = useRef(onWheel)
  wheel.current = onWheel
  useEffect(() => {
    const c = canvas.current
    const listen = (e: WheelEvent) => wheel.current(e)
    c?.addEventListener('wheel', listen, { passive: false })
    return () => c?.removeEventListener('wheel', listen)
  }, [])

  const place = (e: React.PointerEvent) => {
    const box = e.currentTarget.getBoundingClientRect()
    return { x: Math.min(Math.max(e.clientX - box.left, left), width - right), y: e.clientY - box.top }
  }
  const onPointerMove = (e: React.PointerEvent) => {
    const { x, y } = place(e)
    const from = pressed.current
    if (from && Math.abs(x - from.x) > dragged) {
      setBrush({ from: Math.min(from.at, timeAt(x)), to: Math.max(from.at, timeAt(x)) })
      setHover(null)
    } else setHover(cellAt(x, y))
  }
  const onPointerDown = (e: React.PointerEvent) => {
    if (e.button !== 0) return
    const { x } = place(e)
    pressed.current = { x, at: timeAt(x) }
    e.currentTarget.setPointerCapture(e.pointerId)
  }
  const onPointerUp = (e: React.PointerEvent) => {
    const { x, y } = place(e)
    if (!pressed.current) return
    pressed.current = null
    if (brush) {
      set({ since: iso(brush.from), until: iso(brush.to) })
      return setBrush(null)
    }
    const cell = cellAt(x, y)
    if (!cell) return
    setAt(cell.worst.row.snapshot_id)
    if (e.shiftKey) side('B', cell.worst)
    else open(cell.worst)
  }
  const cancel = () => {
    pressed.current = null
    setBrush(null)
    setHover(null)
  }

  const select = (i: number) => {
    const t = fitting[i]
    if (!t) return
    setAt(t.row.snapshot_id)
    if (zoomed) setView(reveal(view, t.at, bounds))
  }
  const onKeyDown = (e: React.KeyboardEvent) => {
    if (e.ctrlKey || e.metaKey || e.altKey) return
    const middle = selected && selected.at >= view.from && selected.at <= view.to ? selected.at : (view.from + view.to) / 2
    const span = view.to - view.from
    const actions: Record<string, () => void> = {
      ArrowLeft: () => select(index < 0 ? fitting.length - 1 : step(fitting, index, -1, e.shiftKey)),
      ArrowRight: () => select(index < 0 ? fitting.length - 1 : step(fitting, index, 1, e.shiftKey)),
      Home: () => select(0),
      End: () => select(fitting.length - 1),
      Enter: () => selected && (e.shiftKey ? side('B', selected) : open(selected)),
      '[': () => selected && side('A', selected),
      ']': () => selected && side('B', selected),
      w: () => setView(zoom(view, middle, 0.7, bounds)),
      s: () => setView(zoom(view, middle, 1 / 0.7, bounds)),
      a: () => setView(move(view, -span / 5, bounds)),
      d: () => setView(move(view, span / 5, bounds)),
    }
    if (e.key === 'Escape' && pressed.current) return cancel()
    const action = actions[e.key.length === 1 ? e.key.toLowerCase() : e.key]
    if (!action) return
    e.preventDefault()
    action()
  }

  return (
    <>
      <div
        ref={frame}
        className="strip-lanes"
        role="slider"
        tabIndex={0}
        aria-label="Snapshots in the order of time"
        aria-describedby="strip-keys"
        aria-valuemin={1}
        aria-valuemax={Math.max(1, fitting.length)}
        aria-valuenow={index < 0 ? Math.max(1, fitting.length) : index + 1}
        aria-valuetext={selected ? tickText(selected) : `${fitting.length.toLocaleString('en-US')} snapshots, none selected`}
        onKeyDown={onKeyDown}
        data-testid="strip"
      >
        <canvas
          ref={canvas}
          style={{ height: heightOf(lanes) }}
          onPointerMove={onPointerMove}
          onPointerDown={onPointerDown}
          onPointerUp={onPointerUp}
          onPointerCancel={cancel}
          onPointerLeave={() => setHover(null)}
        />
        {hover && !brush && <Tip cell={hover} x={hover.x + left} y={lanes.y(hover.trigger)} width={width} />}
      </div>
      <div className="strip-caption">
        <span data-testid="strip-summary">
          <b>
            {ticks.length.toLocaleString('en-US')} snapshot{ticks.length === 1 ? '' : 's'}
          </b>
          {ticks.length >= 10_000 && ', the newest,'} from {utc(iso(ticks[0]!.at))} to {utc(iso(newest.at))}
          {fitting.length < ticks.length && `; ${fitting.length.toLocaleString('en-US')} fit the filters`}
        </span>
        <span role="group" aria-label="Only of one severity" className="strip-legend">
          {counts.map(({ severity, count }) => (
            <button key={severity} className={`severity ${severity}`} aria-pressed={search.severity === severity} onClick={() => set({ severity: search.severity === severity ? '' : severity })}>
              {count.toLocaleString('en-US')} {severity}
            </button>
          ))}
        </span>
        {selected && (
          <span data-testid="strip-selected">
            Selected:{' '}
            <Link to="/snapshots/$id" params={{ id: selected.row.snapshot_id }} search={{}}>
              {selected.row.snapshot_id}
            </Link>{' '}
            {tickText(selected)}
          </span>
        )}
        {brush && (
          <span>
            {utc(iso(brush.from))} to {utc(iso(brush.to))}
          </span>
        )}
        {!brush && (search.since || search.until) && (
          <span data-testid="strip-span">
            The list shows {search.since ? `from ${momentText(search.since)}` : 'all'} {search.until ? `until ${momentText(search.until)}` : 'on'}{' '}
            <button className="link" onClick={() => set({ since: '', until: '' })}>
              List all times
            </button>
          </span>
        )}
        {zoomed && (
          <span>
            <button className="link" onClick={() => set({ since: iso(view.from), until: iso(view.to) })} title={`${utc(iso(view.from))} to ${utc(iso(view.to))}`}>
              List what is shown
            </button>{' '}
            ·{' '}
            <button className="link" onClick={() => setZoomed(null)}>
              Show the whole timeline
            </button>
          </span>
        )}
        <details className="strip-help">
          <summary>Keys and mouse</summary>
          <p id="strip-keys">
            Left and Right select a snapshot, with Shift an incident, Home and End the first and the last; Enter opens it. [ and ] make it A or B of a comparison. W and S zoom, A and D move. The wheel zooms, dragging filters the list below,
            a click opens, Shift-click sets B. The list below shows the same snapshots in words.
          </p>
        </details>
      </div>
    </>
  )
}

function tickText({ row }: Tick): string {
  const n = row.bottlenecks_count
  return `${utc(row.timestamp)}, ${row.trigger_type}, severity ${row.severity}, mean latency ${figure(row.avg_latency, 'ms')}, load ${figure(row.total_qps, 'queries/s')}, ${n} bottleneck${n === 1 ? '' : 's'}`
}

const momentText = (t: string) => (t.length > 10 && Number.isFinite(Date.parse(t)) ? utc(t) : t)

/** The span that the list is filtered to; an open end is infinite. A date means its midnight, as the server reads it. */
function listedSpan(s: Filters): View | null {
  if (!s.since && !s.until) return null
  const moment = (t: string | undefined, open: number) => {
    const ms = Date.parse(t ?? '')
    return Number.isFinite(ms) ? ms : open
  }
  return { from: moment(s.since, -Infinity), to: moment(s.until, Infinity) }
}

function Tip({ cell, x, y, width }: { cell: Cell; x: number; y: number; width: number }) {
  const { row } = cell.worst
  return (
    <div className="strip-tip" style={{ top: y + 14, ...(x > width / 2 ? { right: width - x + 8 } : { left: x + 8 }) }} data-testid="strip-tip" data-id={row.snapshot_id}>
      <b className="mono">{row.snapshot_id}</b>
      {cell.count > 1 && <div>the worst of {cell.count.toLocaleString('en-US')} here; zoom in for the others</div>}
      <div>
        {utc(row.timestamp)} · {row.trigger_type} · {row.severity}
      </div>
      <div>
        latency {figure(row.avg_latency, 'ms')} · load {figure(row.total_qps, 'queries/s')} · {row.bottlenecks_count} bottleneck{row.bottlenecks_count === 1 ? '' : 's'}
      </div>
    </div>
  )
}

/** The span that is shown, null for all. It moves at once, and stands in the address as soon as it rests. */
function useZoom(address: string | undefined, write: (zoom: string) => void): [View | null, (v: View | null) => void] {
  const [view, setView] = useState<View | null>(() => spanOf(address))
  const written = useRef(address ?? '')
  const writer = useRef(write)
  writer.current = write
  useEffect(() => {
    if ((address ?? '') === written.current) return
    written.current = address ?? ''
    setView(spanOf(address))
  }, [address])
  const change = useCallback((v: View | null) => setView(v), [])
  useEffect(() => {
    const text = view ? spanText(view) : ''
    if (text === written.current) return
    const timer = setTimeout(() => {
      written.current = text
      writer.current(text)
    }, 300)
    return () => clearTimeout(timer)
  }, [view])
  return [view, change]
}

/** The width that an element has on the screen; 0 until that is known. */
function useWidth(): [React.RefCallback<HTMLDivElement>, number] {
  const [width, setWidth] = useState(0)
  const frame = useCallback((div: HTMLDivElement | null) => {
    if (!div) return
    const watch = new ResizeObserver(([e]) => e && setWidth(Math.round(e.contentRect.width)))
    watch.observe(div)
    return () => watch.disconnect()
  }, [])
  return [frame, width]
}

/** Changes with the colour scheme of the browser, because a canvas does not follow by itself. */
function useScheme(): boolean {
  const [dark, setDark] = useState(() => matchMedia('(prefers-color-scheme: dark)').matches)
  useEffect(() => {
    const query = matchMedia('(prefers-color-scheme: dark)')
    const change = () => setDark(query.matches)
    query.addEventListener('change', change)
    return () => query.removeEventListener('change', change)
  }, [])
  return dark
}
