import { type ReactNode, useEffect, useRef } from 'react'
import { isTyping } from './CaptureButton'

/** A button that opens a small panel under it. Escape closes it; a letter may open it. */
export function Popover({ label, name, letter, children }: { label: string; name: string; letter?: string; children: ReactNode }) {
  const box = useRef<HTMLDetailsElement>(null)
  useEffect(() => {
    const outside = (e: PointerEvent) => {
      if (box.current?.open && !box.current.contains(e.target as Node)) box.current.open = false
    }
    const keys = (e: KeyboardEvent) => {
      if (letter && e.key === letter && box.current && !e.ctrlKey && !e.metaKey && !e.altKey && !isTyping(e)) {
        e.preventDefault()
        box.current.open = true
        box.current.querySelector<HTMLElement>('.panel select, .panel a, .panel button')?.focus()
      }
    }
    addEventListener('pointerdown', outside)
    addEventListener('keydown', keys)
    return () => {
      removeEventListener('pointerdown', outside)
      removeEventListener('keydown', keys)
    }
  }, [letter])
  return (
    <details
      ref={box}
      className="popover"
      onKeyDown={(e) => {
        if (e.key !== 'Escape' || !box.current?.open) return
        e.stopPropagation() // the page's Escape would leave the screen
        box.current.open = false
        box.current.querySelector('summary')?.focus()
      }}
    >
      <summary className="button" aria-label={name === label ? undefined : `${name}: ${label}`} title={letter && letter.toUpperCase()}>
        {label}
      </summary>
      <div className="panel" role="group" aria-label={name}>
        {children}
      </div>
    </details>
  )
}
