import { useSignal } from '@preact/signals'
import type { ComponentChildren, JSX } from 'preact'
import { nowMs } from '../../clock.ts'
import { Button, Dialog, Field, Spinner, Trouble } from '../../parts/basics.tsx'
import { useRun } from '../../parts/use-run.ts'
import { exactly, moment } from '../../text/format.ts'
import type { Loaded } from '../data/live.ts'

/** One place of the page: its name, what can be done there, and what is there. */
export const Desk = ({
  title,
  tools,
  children
}: {
  title: string
  tools?: ComponentChildren
  children: ComponentChildren
}): JSX.Element => (
  <div class="page-view scroll">
    <div class="desk">
      <div class="desk-head">
        <h1>{title}</h1>
        <div class="desk-tools">{tools}</div>
      </div>
      {children}
    </div>
  </div>
)

/** What was asked for, when it is there; what went wrong, beside what is known. */
export const Known = <T,>({
  of: { value, problem },
  children
}: {
  of: Loaded<T>
  children: (value: T) => ComponentChildren
}): JSX.Element => (
  <>
    <Trouble problem={problem} />
    {value === undefined ? !problem && <Spinner /> : children(value)}
  </>
)

/** @param heads of the columns; an empty one is for buttons */
export const Table = ({
  label,
  heads,
  children
}: {
  label: string
  heads: readonly string[]
  children: ComponentChildren
}): JSX.Element => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable for who has no pointer
  <section class="desk-scroll" tabIndex={0} aria-label={label}>
    <table class="desk-table">
      <thead>
        <tr>
          {heads.map(head => (
            <th scope="col">{head || <span class="unseen">What can be done</span>}</th>
          ))}
        </tr>
      </thead>
      <tbody>{children}</tbody>
    </table>
  </section>
)

export const Time = ({ ms }: { ms: number }): JSX.Element => (
  <time dateTime={new Date(ms).toISOString()} title={exactly(ms)}>
    {moment(ms, nowMs.value)}
  </time>
)

const pageRows = 50

/** The first rows of a list, and more when asked. */
export function Paged<T>({
  items,
  children
}: {
  items: readonly T[]
  children: (shown: readonly T[]) => JSX.Element
}): JSX.Element {
  const count = useSignal(pageRows)
  return (
    <>
      {children(items.slice(0, count.value))}
      {items.length > count.value && (
        <div>
          <Button onClick={() => (count.value += pageRows)}>
            Show more ({items.length - count.value} left)
          </Button>
        </div>
      )}
    </>
  )
}

const terms: readonly [label: string, lifeMs: string][] = [
  ['until it is ended', ''],
  ['for a day', '86400000'],
  ['for a week', '604800000'],
  ['for 30 days', '2592000000']
]

/** Asks once more, and why. */
export function Reason({
  title,
  children,
  yes,
  hint,
  withTerm = false,
  onYes,
  onClose
}: {
  title: string
  children: ComponentChildren
  yes: string
  /** Who will read the reason. */
  hint: string
  withTerm?: boolean
  onYes: (given: { reason: string; lifeMs?: number }) => Promise<unknown>
  onClose: () => void
}): JSX.Element {
  const { problem, isBusy, run } = useRun()
  const reason = useSignal('')
  const term = useSignal('')
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        class="stack"
        onSubmit={event =>
          void run(event, async () => {
            await onYes({
              reason: reason.value,
              ...(term.value !== '' && { lifeMs: Number(term.value) })
            })
            onClose()
          })
        }
      >
        <p>{children}</p>
        <Field label="Reason" hint={hint}>
          {(id, described) => (
            <textarea
              id={id}
              aria-describedby={described}
              rows={2}
              maxLength={500}
              value={reason.value}
              onInput={event => (reason.value = event.currentTarget.value)}
            />
          )}
        </Field>
        {withTerm && (
          <Field label="How long">
            {id => (
              <select
                id={id}
                value={term.value}
                onChange={event => (term.value = event.currentTarget.value)}
              >
                {terms.map(([label, value]) => (
                  <option value={value}>{label}</option>
                ))}
              </select>
            )}
          </Field>
        )}
        <Trouble problem={problem} />
        <div class="buttons">
          <Button kind="danger" type="submit" busy={isBusy}>
            {yes}
          </Button>
          <Button kind="quiet" onClick={onClose}>
            Cancel
          </Button>
        </div>
      </form>
    </Dialog>
  )
}

/** A line to fill in. */
export const Line = ({
  label,
  value,
  hint,
  type = 'text',
  complete = 'off',
  onValue
}: {
  label: string
  value: string
  hint?: string
  type?: 'text' | 'password' | 'number' | 'search'
  complete?: string
  onValue: (value: string) => void
}): JSX.Element => (
  <Field label={label} hint={hint}>
    {(id, described) => (
      <input
        id={id}
        aria-describedby={described}
        value={value}
        autoComplete={complete as 'off'}
        autoCapitalize="none"
        spellcheck={false}
        // One of four, which its type takes one at a time.
        {...({ type, ...(type === 'number' && { min: 0 }) } as { type: 'text' })}
        onInput={event => onValue(event.currentTarget.value)}
      />
    )}
  </Field>
)

export const Choice = <T extends string>({
  label,
  value,
  options,
  onValue
}: {
  label: string
  value: T
  options: readonly (readonly [value: T, label: string])[]
  onValue: (value: T) => void
}): JSX.Element => (
  <Field label={label}>
    {id => (
      <select id={id} value={value} onChange={event => onValue(event.currentTarget.value as T)}>
        {options.map(([value, label]) => (
          <option value={value}>{label}</option>
        ))}
      </select>
    )}
  </Field>
)
