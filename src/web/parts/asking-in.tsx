import type { JSX } from 'preact'
import { Field, Trouble } from './basics.tsx'
import { Icon } from './icons.tsx'
import type { useRun } from './use-run.ts'

interface Asking {
  readonly invite: string
  readonly note: string
}

/** As a request: what was left empty is left out. */
export const askedWith = ({ invite, note }: Asking): Partial<Asking> => ({
  ...(invite.trim() !== '' && { invite: invite.trim() }),
  ...(note.trim() !== '' && { note: note.trim() })
})

/** What a pod may want of who asks for a name there. */
export function AskingIn({
  asking,
  set,
  then
}: {
  asking: Asking
  set: (changed: Partial<Asking>) => void
  /** What comes of a word to the operators. */
  then: string
}): JSX.Element {
  return (
    <>
      <Field label="Invite code, if the pod asks for one">
        {id => (
          <input
            id={id}
            autocomplete="off"
            spellcheck={false}
            maxLength={64}
            value={asking.invite}
            onInput={e => set({ invite: e.currentTarget.value })}
          />
        )}
      </Field>
      <Field
        label="A word to its operators, if you have no code"
        hint={`Where they let people in themselves, they read it. ${then}`}
      >
        {(id, describedBy) => (
          <input
            id={id}
            aria-describedby={describedBy}
            autocomplete="off"
            maxLength={300}
            value={asking.note}
            onInput={e => set({ note: e.currentTarget.value })}
          />
        )}
      </Field>
    </>
  )
}

/** What came of it: operators who decide by themselves are no trouble. */
export const AskedIn = ({
  problem
}: Pick<ReturnType<typeof useRun>, 'problem'>): JSX.Element | null =>
  problem?.code === 'REGISTRATION_WAITS' ? (
    <p class="callout good" role="status">
      <Icon name="clock" /> You have asked for it. {problem.hint}
    </p>
  ) : (
    <Trouble problem={problem} />
  )
