import { useCallback, useState } from 'react'
import type { CaseDocument, CasePoint } from '../api/client'
import { amount, looked } from '../lib/cases'
import { begin, marks, type Moment, nearest, rows, segments, times } from '../lib/course'
import { figure, utc } from '../lib/format'

const left = 82
const right = 14
const labelWidth = 56

type Panel = { name: string; unit: string; height: number; points: Moment[]; threshold: number | null }

/** What the frames of a case showed over time. The slider and the words beside it say the same without the picture. */
export function Course({ c, at, onMoment }: { c: CaseDocument; at: string | undefined; onMoment: (at: string) => void }) {
  const [under, setUnder] = useState<number | null>(null)
  const [frame, width] = useWidth()
  if (c.points.length === 0) return <p className="dim">No frame of this case was kept, so there is no course to draw.</p>
  const events = eventsOf(c)
  const snapshots = c.snapshots.map((s) => ({ at: Date.parse(s.timestamp), s }))
  const all = [...c.points.map((p) => Date.parse(p.timestamp)), ...events.map((e) => e.at), ...snapshots.map((s) => s.at)]
  const to = Math.max(...all)
  const from = Math.min(begin(all, Math.min(...events.map((e) => e.at)), to), to - 1000)
  const moments = c.points.map((p) => ({ at: Date.parse(p.timestamp), p })).filter((m) => m.at >= from)
  const taken = snapshots.filter((s) => s.at >= from)
  const x = (t: number) => left + ((t - from) / (to - from)) * (width - left - right)
  const chosen = nearest(moments, under ?? Date.parse(at ?? c.peak_at ?? c.opened_at))
  const point = moments[chosen]?.p
  if (!point) return <p className="dim">Its frames are from long before the trigger, so there is no course to draw.</p>
  const takenRows = rows(taken.map((s) => x(s.at)), 12)
  const lane = 10 + 14 * (Math.max(0, ...takenRows) + 1)
  const labelRows = rows(events.map((e) => x(e.at)), labelWidth)
  const top = 8 + 15 * (Math.max(0, ...labelRows) + 1)
  const series = (value: (p: CasePoint) => number | null): Moment[] => moments.map((m) => ({ at: m.at, value: value(m.p) }))
  const { unit } = c
  const panels: Panel[] = [{ name: looked(c), unit, height: 170, points: series((p) => p.value), threshold: c.threshold }]
  if (c.metric !== 'queries_per_sec' || c.key) panels.push({ name: 'load', unit: 'queries/s', height: 64, points: series((p) => p.total_qps), threshold: null })
  if (c.metric !== 'avg_latency' || c.key) panels.push({ name: 'mean latency', unit: 'ms', height: 64, points: series((p) => p.avg_latency), threshold: null })
  const tops = panels.map((_, i) => top + 18 + panels.slice(0, i).reduce((sum, p) => sum + p.height + 26, 0))
  const bottom = tops.at(-1)! + panels.at(-1)!.height
  const place = (e: React.PointerEvent<SVGSVGElement>) => {
    const box = e.currentTarget.getBoundingClientRect()
    return from + ((((e.clientX - box.left) / box.width) * width - left) / (width - left - right)) * (to - from)
  }
  return (
    <figure className="course">
      <svg
        ref={frame}
        viewBox={`0 0 ${width} ${bottom + lane + 22}`}
        role="img"
        aria-label={`Course of ${c.metric || 'the case'} from ${utc(new Date(from).toISOString())} to ${utc(new Date(to).toISOString())}; the slider below reads it point by point`}
        data-testid="course"
        onPointerMove={(e) => setUnder(place(e))}
        onPointerLeave={() => setUnder(null)}
        onPointerUp={(e) => onMoment(moments[nearest(moments, place(e))]!.p.timestamp)}
      >
        {times(from, to, Math.max(2, Math.floor(width / 120))).map((t) => (
          <g key={t}>
            <line className="grid" x1={x(t)} x2={x(t)} y1={tops[0]} y2={bottom} />
            <text className="axis" x={x(t)} y={bottom + lane + 14} textAnchor={x(t) > width - 36 ? 'end' : 'middle'}>
              {new Date(t).toISOString().slice(11, to - from < 480_000 ? 19 : 16)}
            </text>
          </g>
        ))}
        {panels.map((p, i) => (
          <Lines key={p.name} p={p} y0={tops[i]!} x={x} width={width} />
        ))}
        {events.map((e, i) => (
          <g key={e.name}>
            <line className={`mark ${e.name}`} x1={x(e.at)} x2={x(e.at)} y1={4 + 15 * labelRows[i]!} y2={bottom} />
            <text className="mark" x={x(e.at) + (x(e.at) > width - labelWidth ? -4 : 4)} y={14 + 15 * labelRows[i]!} textAnchor={x(e.at) > width - labelWidth ? 'end' : 'start'}>
              {e.name}
            </text>
          </g>
        ))}
        <text className="axis" x={left - 14} y={bottom + 17} textAnchor="end">
          snapshots
        </text>
        {taken.map(({ at, s }, i) => (
          <text key={s.snapshot_id} className={`taken ${s.role}${s.exists ? '' : ' gone'}`} x={x(at)} y={bottom + 17 + 14 * takenRows[i]!} textAnchor="middle">
            {letters[s.role]}
            <title>{`${s.role.replace('_', ' ')}: ${s.snapshot_id}${s.exists ? '' : ' (deleted)'}`}</title>
          </text>
        ))}
        <line className="cursor" x1={x(moments[chosen]!.at)} x2={x(moments[chosen]!.at)} y1={tops[0]} y2={bottom} />
      </svg>
      <figcaption>
        <label className="slider">
          Moment{' '}
          <input
            type="range"
            min="0"
            max={moments.length - 1}
            value={chosen}
            aria-valuetext={`${utc(point.timestamp)}, ${amount(point.value, unit)}`}
            onChange={(e) => onMoment(moments[Number(e.target.value)]!.p.timestamp)}
            data-testid="moment"
          />
        </label>
        <span data-testid="readout">
          <b>{utc(point.timestamp)}</b>: {looked(c)} {amount(point.value, unit)} · load {figure(point.total_qps, 'queries/s')} · mean latency {figure(point.avg_latency, 'ms')} · errors {figure(point.error_rate, '%')} ·{' '}
          {point.bottlenecks_count} bottleneck{point.bottlenecks_count === 1 ? '' : 's'}
          {point.severity && ` · worst severity ${point.severity}`}
        </span>
        <span className="dim">Snapshots: B before, T trigger, F follow-up, A after. Gaps are times that no frame shows.{taken.length < snapshots.length && ` ${snapshots.length - taken.length} of the snapshots below are from before this picture.`}</span>
      </figcaption>
    </figure>
  )
}

/** The width that an element has on the screen, so that its text keeps its size. */
function useWidth(): [React.RefCallback<SVGSVGElement>, number] {
  const [width, setWidth] = useState(1000)
  const frame = useCallback((svg: SVGSVGElement | null) => {
    if (!svg) return
    const watch = new ResizeObserver(([e]) => e && setWidth(Math.max(360, Math.round(e.contentRect.width))))
    watch.observe(svg)
    return () => watch.disconnect()
  }, [])
  return [frame, width]
}

const letters = { before: 'B', trigger: 'T', follow_up: 'F', after: 'A' } as const

function eventsOf(c: CaseDocument): { name: string; at: number }[] {
  const events = [
    { name: 'onset', at: c.onset_at },
    { name: 'trigger', at: c.opened_at },
    { name: 'peak', at: c.peak_at },
    { name: 'end', at: c.ended_at },
  ]
  return events.flatMap((e) => (e.at ? [{ name: e.name, at: Date.parse(e.at) }] : []))
}

function Lines({ p, y0, x, width }: { p: Panel; y0: number; x: (t: number) => number; width: number }) {
  const values = p.points.flatMap((m) => (m.value === null ? [] : [m.value]))
  const axis = marks(Math.max(0, p.threshold ?? 0, ...values))
  const shown = p.height > 100 ? axis : [axis[0]!, axis.at(-1)!]
  const y = (v: number) => y0 + p.height - (Math.max(0, v) / axis.at(-1)!) * p.height
  return (
    <g>
      <text className="panel-name" x={left} y={y0 - 5}>
        {p.name}
        {p.unit && `, ${p.unit}`}
      </text>
      {shown.map((v) => (
        <g key={v}>
          <line className="grid" x1={left} x2={width - right} y1={y(v)} y2={y(v)} />
          <text className="axis" x={left - 6} y={y(v) + 4} textAnchor="end">
            {v.toLocaleString('en-US')}
          </text>
        </g>
      ))}
      {values.length === 0 && (
        <text className="axis" x={width / 2} y={y0 + p.height / 2} textAnchor="middle">
          no data
        </text>
      )}
      {p.threshold !== null && (
        <>
          <line className="threshold" x1={left} x2={width - right} y1={y(p.threshold)} y2={y(p.threshold)} />
          <text className="threshold" x={left + 4} y={y(p.threshold) - 4}>
            threshold {amount(p.threshold, p.unit)}
          </text>
        </>
      )}
      {segments(p.points).map((s) =>
        s.length === 1 ? (
          <circle key={s[0]!.at} className="point" cx={x(s[0]!.at)} cy={y(s[0]!.value)} r="2.5" />
        ) : (
          <polyline key={s[0]!.at} className="line" points={s.map((m) => `${x(m.at).toFixed(1)},${y(m.value).toFixed(1)}`).join(' ')} />
        ),
      )}
    </g>
  )
}
