import type { ComponentChildren, JSX } from 'preact'
import { useEffect, useId, useRef } from 'preact/hooks'
import type { Problem } from '../data/ask.ts'
import { sentence } from '../data/toasts.ts'
import { grouped } from '../text/format.ts'
import { Icon, type IconName } from './icons.tsx'

interface ButtonProps {
  children?: ComponentChildren
  icon?: IconName
  kind?: 'plain' | 'primary' | 'danger' | 'quiet'
  label?: string
  busy?: boolean
  disabled?: boolean
  type?: 'button' | 'submit'
  /** Keys that do the same, for the tooltip. */
  keys?: string
  pressed?: boolean
  onClick?: () => void
}

export function Button(props: ButtonProps): JSX.Element {
  const { children, icon, kind = 'plain', label, busy, disabled, type = 'button', keys } = props
  const title = label && (keys ? `${label} (${keys})` : label)
  return (
    <button
      type={type}
      class={`button ${kind}${children ? '' : ' only-icon'}`}
      aria-label={children ? undefined : label}
      aria-pressed={props.pressed}
      aria-busy={busy || undefined}
      aria-keyshortcuts={keys}
      title={children ? keys && `${keys}` : title}
      disabled={disabled || busy}
      onClick={props.onClick}
    >
      {icon && <Icon name={icon} size={18} />}
      {children && <span>{children}</span>}
    </button>
  )
}

export const Fingerprint = ({ hex }: { hex: string }): JSX.Element => (
  <code class="fingerprint">
    {grouped(hex).map(group => (
      <span>{group}</span>
    ))}
  </code>
)

export const Empty = ({
  icon,
  title,
  children
}: {
  icon: IconName
  title: string
  children?: ComponentChildren
}): JSX.Element => (
  <div class="empty">
    <span class="empty-icon">
      <Icon name={icon} size={28} />
    </span>
    <p class="empty-title">{title}</p>
    {children && <div class="empty-text">{children}</div>}
  </div>
)

interface FieldProps {
  label: string
  hint?: ComponentChildren
  children: (id: string, describedBy: string | undefined) => JSX.Element
}

export function Field({ label, hint, children }: FieldProps): JSX.Element {
  const id = useId()
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children(id, hint ? `${id}-hint` : undefined)}
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  )
}

/** What went wrong where it went wrong, and what to do. */
export const Trouble = ({
  problem
}: {
  problem: Pick<Problem, 'message' | 'hint'> | null
}): JSX.Element | null =>
  problem && (
    <div class="callout bad" role="alert">
      <Icon name="warning" />
      <div>
        <p>{sentence(problem.message)}</p>
        {problem.hint && <p class="hint">{problem.hint}</p>}
      </div>
    </div>
  )

interface DialogProps {
  title: string
  children: ComponentChildren
  onClose: () => void
  wide?: boolean
}

/** The browser's own dialog: it keeps the focus inside, closes with Escape, and gives the focus back. */
export function Dialog({ title, children, onClose, wide }: DialogProps): JSX.Element {
  const ref = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => {
    ref.current?.showModal()
    return () => ref.current?.close()
  }, [])
  return (
    <dialog
      ref={ref}
      class={wide ? 'wide-dialog' : undefined}
      aria-labelledby={id}
      onClose={onClose}
      closedby="any"
    >
      <div class="dialog-inside">
        <header class="dialog-head">
          <h2 id={id}>{title}</h2>
          <Button icon="close" label="Close" kind="quiet" onClick={onClose} />
        </header>
        {children}
      </div>
    </dialog>
  )
}

export const Spinner = ({ label = 'Loading' }: { label?: string }): JSX.Element => (
  <div class="spinner" role="status">
    <span class="spinner-dots" aria-hidden="true" />
    <span class="unseen">{label}</span>
  </div>
)
