import type { Comparison } from '../api/client'

/** How one pair of nodes is drawn in a difference map. */
export type DifferenceEdge = { source: string; target: string; color: string; width: number; label: string; strong: boolean }

/** Blue is less, grey is the same, orange is more: told apart without red and green, and named by a glyph too. */
export const colors = { less: '#2f7fc1', same: '#98a3b0', more: '#e0701a', added: '#b4500a', removed: '#1c5c96' }

/** A change of less than this part of the largest change is drawn as the same. */
const floor = 0.02

/** Draws every pair that changed; ranks and widths go by the change of additive time. */
export function differenceEdges(d: Comparison): DifferenceEdge[] {
  const most = d.pairs.reduce((m, p) => Math.max(m, Math.abs(p.delta_ms_per_s)), 0)
  return d.pairs
    .filter((p) => p.source !== p.target)
    .map((p) => {
      const part = most > 0 ? Math.abs(p.delta_ms_per_s) / most : 0
      const gone = p.time_ms_per_s.from !== null && p.time_ms_per_s.to === null
      const fresh = p.time_ms_per_s.from === null && p.time_ms_per_s.to !== null
      const strong = part >= floor
      const more = p.delta_ms_per_s > 0
      return {
        source: p.source,
        target: p.target,
        strong,
        width: strong ? 1.5 + 6 * Math.sqrt(part) : 1,
        color: !strong ? colors.same : gone ? colors.removed : fresh ? colors.added : more ? colors.more : colors.less,
        label: !strong ? '' : gone ? '− gone' : fresh ? '+ new' : more ? '▲' : '▼',
      }
    })
}
