import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { nowMs } from '../clock.ts'
import { Problem } from '../data/ask.ts'
import { recoveryWords, saveBackup, saveRevocation } from '../data/house.ts'
import { setup } from '../data/session.ts'
import { attempt } from '../data/toasts.ts'
import { Button, Field, Trouble } from '../parts/basics.tsx'
import { Icon } from '../parts/icons.tsx'
import { Prove } from '../parts/prove.tsx'
import { useRun } from '../parts/use-run.ts'
import { apart } from '../text/format.ts'

interface SaveProps {
  /** What closes it, and what that is called. */
  onDone: () => void
  done: string
}

type BackupProps = {
  /** The person has gone as far as the words. */
  onBegin?: () => void
} & (SaveProps | { /** The person has the words, and no file is wanted. */ onKept: () => void })

/** A whole backup: the twelve words that open it, two of them asked back, then the file, and what takes the key back. */
export function Backup({ onBegin, ...then }: BackupProps): JSX.Element {
  const words = useSignal<readonly string[]>([])
  const at = useSignal<'words' | 'check' | 'save'>('words')
  if (setup.value?.state === 'starting') return <Starting />
  if (words.value.length === 0)
    return (
      <Prove
        yes="Show the twelve words"
        onProof={async passphrase => {
          words.value = await recoveryWords(passphrase)
          onBegin?.()
        }}
      />
    )
  switch (at.value) {
    case 'words':
      return <Words words={words.value} onKept={() => (at.value = 'check')} />
    case 'check':
      return (
        <Check
          words={words.value}
          onBack={() => (at.value = 'words')}
          onRight={() => {
            if ('onKept' in then) then.onKept()
            else at.value = 'save'
          }}
        />
      )
    case 'save':
      return <Save {...(then as SaveProps)} />
  }
}

export const Starting = (): JSX.Element => (
  <p class="callout" role="status">
    Your node is starting…
  </p>
)

function Words({ words, onKept }: { words: readonly string[]; onKept: () => void }): JSX.Element {
  return (
    <div class="stack">
      <div class="stack printed">
        <p>
          These twelve words open every backup of <strong>{setup.value?.name}</strong>, today's and
          later ones. Write them on paper. Whoever has them and a backup has everything, so keep the
          two apart.
        </p>
        <ol class="twelve">
          {words.map(word => (
            <li>{word}</li>
          ))}
        </ol>
      </div>
      <div class="buttons">
        <Button kind="primary" onClick={onKept}>
          I have written them down
        </Button>
        <Button onClick={() => print()}>Print them</Button>
      </div>
    </div>
  )
}

interface CheckProps {
  words: readonly string[]
  onBack: () => void
  onRight: () => void
}

/** Which two are asked back, counted from 0: it need not be secret, only others for other words. */
function askedOf(words: readonly string[]): [number, number] {
  const sum = [...words.join('')].reduce((all, c) => all + c.charCodeAt(0), 0)
  const first = sum % words.length
  const apartBy = 1 + (Math.floor(sum / words.length) % (words.length - 1))
  const second = (first + apartBy) % words.length
  return first < second ? [first, second] : [second, first]
}

function Check({ words, onBack, onRight }: CheckProps): JSX.Element {
  const asked = askedOf(words)
  const typed = useSignal(['', ''])
  const { problem, run } = useRun()
  const check = (event: SubmitEvent) =>
    run(event, async () => {
      const wrong = asked.find((at, i) => typed.value[i]!.trim().toLowerCase() !== words[at])
      if (wrong !== undefined)
        throw new Problem({
          code: 'USAGE',
          message: `that is not word ${wrong + 1}`,
          hint: 'Look at your paper again.'
        })
      onRight()
    })
  return (
    <form class="stack" onSubmit={check}>
      <p>Two of them, to be sure that they can be read:</p>
      <div class="two">
        {asked.map((at, i) => (
          <Field key={at} label={`Word ${at + 1}`}>
            {id => (
              <input
                id={id}
                required
                autocapitalize="none"
                autocomplete="off"
                spellcheck={false}
                value={typed.value[i]}
                onInput={e => {
                  typed.value = typed.value.with(i, e.currentTarget.value)
                }}
              />
            )}
          </Field>
        ))}
      </div>
      <Trouble problem={problem} />
      <div class="buttons">
        <Button type="submit" kind="primary">
          Go on
        </Button>
        <Button kind="quiet" onClick={onBack}>
          Show the words again
        </Button>
      </div>
    </form>
  )
}

function Save({ onDone, done }: SaveProps): JSX.Element {
  const { backupMs } = setup.value!
  const before = useSignal(backupMs)
  const isSaved = backupMs !== before.value
  return (
    <div class="stack">
      <p>
        The backup holds your key, contacts and letters, sealed under the twelve words. Keep it
        somewhere else than on this computer, and make another one now and then: the words stay the
        same.
      </p>
      {isSaved && (
        <p class="callout good" role="status">
          <Icon name="check" /> Backup saved {apart(backupMs!, nowMs.value)}.
        </p>
      )}
      <div class="buttons">
        <Button
          icon="download"
          kind={isSaved ? 'plain' : 'primary'}
          onClick={() => void attempt(saveBackup)}
        >
          {isSaved ? 'Save it once more' : 'Save the backup'}
        </Button>
        <Button icon="download" onClick={() => void attempt(saveRevocation)}>
          Save a revocation certificate
        </Button>
      </div>
      <p class="hint">
        With a revocation certificate you can declare your key void when somebody has stolen it,
        even if you have lost it yourself. Whoever has the certificate can do so too.
      </p>
      <div class="buttons">
        <Button kind={isSaved ? 'primary' : 'plain'} disabled={!isSaved} onClick={onDone}>
          {done}
        </Button>
      </div>
    </div>
  )
}
