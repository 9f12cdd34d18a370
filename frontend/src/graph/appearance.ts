import { type PairEdge, scoreOf } from './aggregate'
import type { GraphNode } from '../api/client'

/**
 * A sequential scale that keeps its order without colour vision and never sets red against green: pale blue to deep violet
 * by way of blue (after the viridis family), and orange for the worst.
 */
export const scale = ['#9ec9e8', '#5da3d9', '#3f74c7', '#5b3fa8', '#e0701a'] as const

export const severityColors: Record<string, string> = { low: '#5da3d9', medium: '#3f74c7', high: '#5b3fa8', critical: '#e0701a' }

/** Where nothing is known. Drawn pale, and hatched in legends. */
export const noDataColor = '#aab4c0'

/** A colour by the place of a value between 0 and the largest, on a logarithmic scale. */
export function colorOf(value: number | null, most: number): string {
  if (value === null) return noDataColor
  return scale[Math.min(scale.length - 1, Math.floor(position(value, most) * scale.length))] ?? scale[0]
}

export function position(value: number, most: number): number {
  if (most <= 0 || value <= 0) return 0
  return Math.log1p(value * 20 / most) / Math.log1p(20)
}

/** Edge width in pixels, by load on a logarithmic scale. */
export function widthOf(value: number | null, most: number): number {
  return value === null ? 1 : 1.2 + 6 * position(value, most)
}

/** Node size in pixels: the area, not the radius, follows the score. */
export function nodeSize(n: GraphNode): number {
  return 5 + 1.5 * Math.sqrt(Math.max(0, scoreOf(n)))
}

export function nodeColor(n: GraphNode): string {
  return severityColors[String(n.properties['severity'] ?? '')] ?? noDataColor
}

export function largest(edges: PairEdge[]): number {
  return edges.reduce((most, e) => Math.max(most, e.value ?? 0), 0)
}
