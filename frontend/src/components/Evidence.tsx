import type { Row } from '../api/client'
import { hashes, proves } from '../lib/evidence'
import { figure, utc } from '../lib/format'
import { Popover } from './Popover'

/** How sure it is that a snapshot existed as a whole, with what proves it. */
export function Evidence({ of: r }: { of: Row }) {
  const c = r.consistency
  return (
    <Popover label={`${c.mode === 'fuzzy' ? '! ' : ''}${c.mode || 'unknown'} read`} name="Evidence">
      <p>{proves(c.mode)}</p>
      <table className="properties">
        <tbody>
          <Fact name="attempts" value={String(c.attempts)} />
          <Fact name="reading took" value={figure(c.read_ms, 'ms')} />
          {c.read_from && <Fact name="from" value={utc(c.read_from)} />}
          {c.evidence && <Fact name="evidence" value={c.evidence} mono />}
          {r.same_as && <Fact name="same as" value={`${r.same_as}, but for the time`} />}
          {r.imported && <Fact name="origin" value="imported" />}
          {hashes(r).map((h) => (
            <Fact key={h.name} name={`${h.name} hash`} about={`SHA-256 over ${h.over}`} value={h.hash} mono />
          ))}
        </tbody>
      </table>
      <p className="dim">
        <code>graphsnap verify {r.snapshot_id}</code> holds it to these again.
      </p>
    </Popover>
  )
}

function Fact({ name, value, about, mono }: { name: string; value: string; about?: string; mono?: boolean }) {
  return (
    <tr>
      <th scope="row" title={about}>
        {name}
      </th>
      <td className={mono ? 'mono' : ''}>{value}</td>
    </tr>
  )
}

/** Stands over everything that was derived from a read that nothing proves. */
export function FuzzyWarning({ rows }: { rows: Row[] }) {
  const fuzzy = rows.filter((r) => r.consistency.mode === 'fuzzy')
  if (fuzzy.length === 0) return null
  return (
    <p className="banner" role="alert">
      <b>Fuzzy.</b> {proves('fuzzy')} {rows.length > 1 && `This is so for ${fuzzy.map((r) => (r.snapshot_id === 'LIVE' ? 'the live graph' : r.snapshot_id)).join(' and ')}.`} Take the figures as a hint, not as evidence.
    </p>
  )
}
