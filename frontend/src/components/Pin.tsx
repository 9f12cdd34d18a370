import { useMutation, useQueryClient } from '@tanstack/react-query'
import { api, must, type Row } from '../api/client'
import { pinText } from '../lib/format'

/** Says that a snapshot is pinned, by whom and why; nothing where it is not. */
export function PinMark({ of }: { of: Pick<Row, 'pin'> }) {
  if (!of.pin) return null
  return (
    <span className="good" title={pinText(of.pin)} data-testid="pinned">
      {' '}
      ⚑ pinned
    </span>
  )
}

/** Pins a snapshot, so that retention leaves it alone, or gives it back. */
export function PinButton({ of }: { of: Pick<Row, 'pin' | 'snapshot_id'> }) {
  const queries = useQueryClient()
  const path = { params: { path: { snapshot_id: of.snapshot_id } } }
  const change = useMutation({
    mutationFn: (note: string | null) =>
      note === null ? must(api.DELETE('/api/performance/snapshots/{snapshot_id}/pin', path)) : must(api.PUT('/api/performance/snapshots/{snapshot_id}/pin', { ...path, body: { note } })),
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: ['snapshots'] })
      void queries.invalidateQueries({ queryKey: ['snapshot'] })
    },
  })
  const toggle = () => {
    if (of.pin) return change.mutate(null)
    const note = window.prompt('Retention leaves a pinned snapshot alone. Why is it kept?', '')
    if (note !== null) change.mutate(note)
  }
  return (
    <>
      <button onClick={toggle} disabled={change.isPending} aria-pressed={Boolean(of.pin)} title={of.pin ? pinText(of.pin) : 'Keep it from retention'} data-testid="pin">
        {of.pin ? '⚑ Unpin' : '⚐ Pin'}
      </button>
      {change.isError && (
        <span className="bad" role="alert">
          {change.error.message}
        </span>
      )}
    </>
  )
}
