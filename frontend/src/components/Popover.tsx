import { type ReactNode, useEffect, useRef } from 'react'
import { isTyping } from './CaptureButton'

type Props = {
  label: string
  name: string
  letter?: string
  /** Whether the first field takes the focus, however it was opened. */
  focus?: boolean
  /** What is in it; as a function it gets what closes it again. */
  children: ReactNode | ((close: () => void) => ReactNode)
}

/** A button that opens a small panel under it. Escape closes it and gives the focus back; a letter may open it. */
export function Popover({ label, name, letter, focus, children }: Props) {
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
  const close = () => {
    if (!box.current) return
    box.current.open = false
    box.current.querySelector('summary')?.focus()
  }
  return (
    <details
      ref={box}
      className="popover"
      onToggle={(e) => focus && e.currentTarget.open && e.currentTarget.querySelector<HTMLElement>('.panel input')?.focus()}
      onKeyDown={(e) => {
        if (e.key !== 'Escape' || !box.current?.open) return
        e.stopPropagation() // the page's Escape would leave the screen
        close()
      }}
    >
      <summary className="button" aria-label={name === label ? undefined : `${name}: ${label}`} title={letter && letter.toUpperCase()}>
        {label}
      </summary>
      <div className="panel" role="group" aria-label={name}>
        {typeof children === 'function' ? children(close) : children}
      </div>
    </details>
  )
}
