import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import type { OwnMove } from '../../client/client.ts'
import { nowMs } from '../clock.ts'
import { json, post } from '../data/ask.ts'
import { onEvent } from '../data/live.ts'
import { aliases, refresh } from '../data/session.ts'
import { attempt, sentence, tell } from '../data/toasts.ts'
import { AskedIn, AskingIn, askedWith } from '../parts/asking-in.tsx'
import { Button, Dialog, Field } from '../parts/basics.tsx'
import { OwnAlias } from '../parts/own-alias.tsx'
import { Section } from '../parts/section.tsx'
import { useRun } from '../parts/use-run.ts'
import { apart, when } from '../text/format.ts'
import { Safe } from '../text/safe.tsx'

/** Leaving an address for another, and what became of those that were left. Source: docs/protocol/moving.md */
export function Move(): JSX.Element {
  const moves = useSignal<readonly OwnMove[]>([])
  const isMoving = useSignal(false)
  const load = () =>
    attempt(async () => {
      moves.value = await json<OwnMove[]>('/moves')
    })
  useEffect(() => {
    void load()
    return onEvent(({ type }) => {
      if (type === 'left') void load()
    })
  }, [])
  return (
    <Section
      title="Move"
      note="You stay who you are: your key is the same, and who has written with you follows by themselves."
    >
      {moves.value.length > 0 && (
        <ul class="devices" aria-label="Addresses that you left">
          {moves.value.map(move => (
            <Row key={`${move.from} ${move.atMs}`} move={move} />
          ))}
        </ul>
      )}
      <div class="buttons">
        <Button disabled={aliases.value.length === 0} onClick={() => (isMoving.value = true)}>
          Move to another address
        </Button>
      </div>
      {isMoving.value && (
        <Moving
          onClose={() => {
            isMoving.value = false
            void load()
          }}
        />
      )}
    </Section>
  )
}

function Row({ move }: { move: OwnMove }): JSX.Element {
  const { from, to, atMs, agreed, listensUntilMs, problem } = move
  const pod = from.slice(from.indexOf('@') + 1)
  return (
    <li class="device">
      <div class="device-text">
        <p class="device-name">
          <Safe text={from} /> → <Safe text={to} />{' '}
          <span class={`chip${agreed ? '' : ' bad'}`}>
            {agreed ? 'The pod agrees' : 'The pod does not know yet'}
          </span>
        </p>
        <p class="hint">You moved {apart(Math.min(atMs, nowMs.value), nowMs.value)}.</p>
        <p class="hint">
          {agreed ? (
            <>
              <Safe text={pod} /> tells whoever asks there, and correspondents follow.
            </>
          ) : (
            <>
              {problem && <Safe text={`${sentence(problem.message)} `} />}
              <Safe text={pod} /> is told while your node runs. If it is gone for good,
              correspondents find your word in the network.
            </>
          )}
        </p>
        <p class="hint">
          {listensUntilMs > nowMs.value
            ? `Letters that are on their way are asked for there until ${when(listensUntilMs, nowMs.value)}.`
            : 'Nothing is on its way there any more.'}
        </p>
      </div>
    </li>
  )
}

function Moving({ onClose }: { onClose: () => void }): JSX.Element {
  const form = useSignal({ from: aliases.value[0] ?? '', to: '', invite: '', note: '' })
  const isSure = useSignal(false)
  const { problem, isBusy, run } = useRun()
  const f = form.value
  const set = (changed: Partial<typeof f>) => (form.value = { ...form.value, ...changed })
  const move = (event: SubmitEvent) =>
    run(event, async () => {
      const made = await post<OwnMove>('/moves', {
        from: f.from,
        to: f.to.trim().toLowerCase(),
        ...askedWith(f)
      })
      await refresh()
      tell(`You are ${made.to} now.`)
      onClose()
    })
  return (
    <Dialog title="Move to another address" wide onClose={onClose}>
      <form class="stack" onSubmit={move}>
        <OwnAlias label="Leave" value={f.from} onChange={from => set({ from })} />
        <Field
          label="Move to"
          hint="A name of yours, or a free one at another pod: it is registered with the same key."
        >
          {(id, describedBy) => (
            <input
              id={id}
              aria-describedby={describedBy}
              required
              autocapitalize="none"
              autocomplete="off"
              spellcheck={false}
              placeholder="alice@pod.example"
              value={f.to}
              onInput={e => set({ to: e.currentTarget.value })}
            />
          )}
        </Field>
        <AskingIn asking={f} set={set} then="You move once they have." />
        <p class="hint">
          Nobody else gets the address that you leave for more than a year, and you can move back.
        </p>
        <label class="check">
          <input
            type="checkbox"
            checked={isSure}
            onChange={e => (isSure.value = e.currentTarget.checked)}
          />
          I leave {f.from}
        </label>
        <AskedIn problem={problem} />
        <div class="buttons">
          <Button type="submit" kind="danger" busy={isBusy} disabled={!isSure.value}>
            Move
          </Button>
          <Button kind="quiet" onClick={onClose}>
            Stay
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
