import type { QueryClient } from '@tanstack/react-query'
import { useSyncExternalStore } from 'react'
import type { Row, Timeline } from './client'

export type Tick = {
  source: string
  tick: number
  collected_at: string
  total_qps: number | null
  avg_latency: number | null
  time_ms_per_s: number | null
  status: string
  message: string
}
export type Progress = { capture_id: string; source: string; stage: string; done: number; total: number }

export type Verifying = { verify_id: string; snapshot_id: string; done: number; total: number }

export type LiveState = {
  connected: boolean
  everConnected: boolean
  ticks: Record<string, Tick>
  progress: Progress | null
  verifying: Verifying | null
  newest: Row | null
}

let state: LiveState = { connected: false, everConnected: false, ticks: {}, progress: null, verifying: null, newest: null }
const listeners = new Set<() => void>()
let seq = -1

function update(change: Partial<LiveState>) {
  state = { ...state, ...change }
  listeners.forEach((f) => f())
}

export function useLive(): LiveState {
  return useSyncExternalStore(
    (f) => {
      listeners.add(f)
      return () => listeners.delete(f)
    },
    () => state,
  )
}

/** Takes a deleted snapshot off the timelines. They are long and retention deletes many at once, so nothing is loaded again. */
function dropFromTimelines(queries: QueryClient, id: string) {
  queries.setQueriesData<Timeline>({ queryKey: ['timeline'] }, (old) => old && { ...old, snapshots: old.snapshots.filter((s) => s.snapshot_id !== id) })
}

export function clearProgress() {
  update({ progress: null })
}

/** Keeps one WebSocket open, comes back with ever longer pauses, and resumes where it was. */
export function connect(queries: QueryClient, attempt = 0) {
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
  const socket = new WebSocket(`${scheme}://${location.host}/ws/performance${seq >= 0 ? `?since=${seq}` : ''}`)
  let opened = false
  socket.onopen = () => {
    opened = true
    update({ connected: true, everConnected: true })
  }
  socket.onmessage = (message) => {
    const event = JSON.parse(message.data as string) as { type: string; seq: number; data: never }
    if (event.type === 'graphsnap.hello') {
      // A server that cannot resume has forgotten what we missed: what is shown is loaded again.
      if (seq >= 0 && !(event.data as { resumed: boolean }).resumed) void queries.invalidateQueries()
    }
    seq = event.seq
    switch (event.type) {
      case 'graphsnap.tick': {
        const tick = event.data as Tick
        update({ ticks: { ...state.ticks, [tick.source]: tick } })
        break
      }
      case 'graphsnap.capture.progress':
        update({ progress: event.data as Progress })
        break
      case 'graphsnap.verify.progress':
        update({ verifying: event.data as Verifying })
        break
      case 'graphsnap.capture.failed':
        update({ progress: null })
        void queries.invalidateQueries({ queryKey: ['captures'] })
        break
      case 'graphsnap.snapshot.created':
        update({ newest: event.data as Row, progress: null })
        void queries.invalidateQueries({ queryKey: ['snapshots'] })
        void queries.invalidateQueries({ queryKey: ['timeline'] })
        break
      case 'graphsnap.snapshot.pinned':
        void queries.invalidateQueries({ queryKey: ['snapshots'] })
        void queries.invalidateQueries({ queryKey: ['snapshot'] })
        break
      case 'graphsnap.snapshot.deleted':
        dropFromTimelines(queries, (event.data as { snapshot_id: string }).snapshot_id)
        void queries.invalidateQueries({ queryKey: ['snapshots'] })
        void queries.invalidateQueries({ queryKey: ['cases'] })
        break
      case 'graphsnap.case.opened':
      case 'graphsnap.case.updated':
      case 'graphsnap.case.ended':
        void queries.invalidateQueries({ queryKey: ['cases'] })
        break
      case 'graphsnap.firing.done':
      case 'graphsnap.firing.failed':
        void queries.invalidateQueries({ queryKey: ['triggers'] })
        break
      case 'graphsnap.retention':
        void queries.invalidateQueries({ queryKey: ['retention', 'state'] })
        break
    }
  }
  socket.onclose = () => {
    update({ connected: false })
    const next = opened ? 0 : attempt + 1
    setTimeout(() => connect(queries, next), Math.min(500 * 2 ** next, 15000))
  }
}
