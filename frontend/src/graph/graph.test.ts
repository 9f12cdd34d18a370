import { describe, expect, it } from 'vitest'
import type { Comparison, GraphRelationship } from '../api/client'
import { aggregate, metricsOf, mostNodes, visible } from './aggregate'
import { colorOf, noDataColor, scale, widthOf } from './appearance'
import { colors, differenceEdges } from './difference'
import { place } from './layout'

const rel = (source: string, type: string, target: string, value?: number, severity?: string): GraphRelationship => ({
  id: `${source}-[${type}]->${target}`,
  source,
  target,
  type,
  properties: { ...(value === undefined ? {} : { value }), ...(severity ? { severity } : {}) },
})

describe('aggregate', () => {
  const edges = aggregate([rel('a', 'AVG_LATENCY_MS', 'b', 45, 'high'), rel('a', 'QUERIES_PER_SEC', 'b', 3, 'low'), rel('b', 'REFERENCES', 'c')], 'AVG_LATENCY_MS')
  it('draws one edge a pair with the chosen metric and the worst severity', () => {
    expect(edges).toHaveLength(2)
    expect(edges[0]).toMatchObject({ source: 'a', target: 'b', value: 45, severity: 'high' })
    expect(edges[0]?.relationships).toHaveLength(2)
  })
  it('keeps a pair without the metric, without a value', () => {
    expect(edges[1]?.value).toBeNull()
  })
  it('lists known metrics first, strangers next, structure last', () => {
    expect(metricsOf([rel('a', 'REFERENCES', 'b'), rel('a', 'ZED', 'b'), rel('a', 'QUERIES_PER_SEC', 'b', 1)])).toEqual(['QUERIES_PER_SEC', 'ZED', 'REFERENCES'])
  })
  it('draws at most so many nodes, those with the highest score', () => {
    const many = Array.from({ length: mostNodes + 5 }, (_, i) => ({ id: `n${i}`, type: 'Table', labels: [], properties: { hotspot_score: i } }))
    const shown = visible(many)
    expect(shown).toHaveLength(mostNodes)
    expect(shown[0]?.id).toBe(`n${mostNodes + 4}`)
  })
})

describe('appearance', () => {
  it('never draws unknown like zero', () => {
    expect(colorOf(null, 10)).toBe(noDataColor)
    expect(colorOf(0, 10)).toBe(scale[0])
    expect(colorOf(10, 10)).toBe(scale[scale.length - 1])
  })
  it('widens with load', () => {
    expect(widthOf(10, 10)).toBeGreaterThan(widthOf(1, 10))
  })
})

describe('layout', () => {
  const edges: [string, string][] = [
    ['a', 'b'],
    ['b', 'c'],
  ]
  it('does not depend on the order of the input', () => {
    expect(place(['a', 'b', 'c'], edges)).toEqual(place(['c', 'a', 'b'], [...edges].reverse()))
  })
  it('leaves known nodes where they are', () => {
    const first = place(['a', 'b', 'c'], edges)
    const second = place(['a', 'b', 'c', 'd'], [...edges, ['c', 'd']], first)
    for (const key of ['a', 'b', 'c']) {
      expect(second[key]?.x).toBeCloseTo(first[key]?.x ?? Number.NaN, 6)
      expect(second[key]?.y).toBeCloseTo(first[key]?.y ?? Number.NaN, 6)
    }
    expect(second['d']).toBeDefined()
  })
  it('places a graph without edges and one with loops', () => {
    expect(Object.keys(place(['x', 'y'], [['x', 'x']]))).toEqual(['x', 'y'])
  })
})

it('draws more in orange, less in blue and the rest in grey', () => {
  const pair = (source: string, delta: number, from: number | null, to: number | null) => ({
    source,
    target: 't',
    delta_ms_per_s: delta,
    share: 0,
    time_ms_per_s: { from, to, absolute: null, relative: null },
    avg_latency_ms: { from: null, to: null, absolute: null, relative: null },
    queries_per_sec: { from: null, to: null, absolute: null, relative: null },
  })
  const d = { pairs: [pair('a', 100, 1, 101), pair('b', -50, 60, 10), pair('c', 0.1, 5, 5.1), pair('d', 40, null, 40), pair('e', -40, 40, null), pair('t', 9, 1, 10)] } as unknown as Comparison
  const drawn = differenceEdges(d)
  expect(drawn.map((e) => e.color)).toEqual([colors.more, colors.less, colors.same, colors.added, colors.removed])
  expect(drawn[0]?.width).toBeGreaterThan(drawn[1]?.width ?? 99)
})
