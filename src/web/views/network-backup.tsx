import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import type { NetworkBackup as Standing } from '../../client/client.ts'
import { nowMs } from '../clock.ts'
import { Problem } from '../data/ask.ts'
import { cancelNetworkBackup, changeSettings, makeNetworkBackup } from '../data/house.ts'
import { settings, setup, status } from '../data/session.ts'
import { attempt } from '../data/toasts.ts'
import { Button, Dialog, Trouble } from '../parts/basics.tsx'
import { Icon } from '../parts/icons.tsx'
import { Progress } from '../parts/new-home.tsx'
import { Section } from '../parts/section.tsx'
import { apart, duration, size } from '../text/format.ts'
import { Backup } from './backup.tsx'

/** A backup that others keep, and the twelve words alone find. Source: docs/protocol/backup.md#in-the-network */
export function NetworkBackup(): JSX.Element | null {
  /** What waits until the person has the words. */
  const wanted = useSignal<(() => Promise<unknown>) | null>(null)
  const standing = status.value?.networkBackup
  if (!standing) return null
  const withWords = (act: () => Promise<unknown>) => {
    if (setup.value?.backupMs === null) wanted.value = act
    else void act()
  }
  const { problem, making, elsewhere } = standing
  return (
    <Section title="Backup in the network" note={noteOf(standing)}>
      <p>
        Sealed under the twelve words, and kept by others for 90 days: then the words alone bring
        everything back. <strong>Whoever finds them has everything</strong>, without any file.
        Others see that somebody here stores so much; not who, nor what.
      </p>
      {elsewhere ? (
        <p class="callout">
          <Icon name="archive" /> Another of your devices makes it.
        </p>
      ) : (
        <>
          <label class="check">
            <input
              type="checkbox"
              checked={settings.value?.networkBackup === 'weekly'}
              onClick={e => {
                // It shows what is, and that is changed when the person has the words.
                e.preventDefault()
                const networkBackup = settings.value?.networkBackup === 'weekly' ? 'off' : 'weekly'
                const change = () => changeSettings({ networkBackup })
                if (networkBackup === 'off') void change()
                else withWords(change)
              }}
            />
            Make one every week, while your node runs and is unlocked
          </label>
          {making ? (
            <Making making={making} />
          ) : (
            <div class="buttons">
              <Button onClick={() => withWords(() => attempt(makeNetworkBackup))}>
                Make one now
              </Button>
            </div>
          )}
        </>
      )}
      {problem && <Trouble problem={new Problem(problem)} />}
      {wanted.value && (
        <Dialog title="First, your twelve words" wide onClose={() => (wanted.value = null)}>
          <Backup
            onKept={() => {
              void wanted.value?.()
              wanted.value = null
            }}
          />
        </Dialog>
      )}
    </Section>
  )
}

function noteOf({ last }: Standing): string {
  if (!last) return 'None is there.'
  const made = apart(last.madeMs, nowMs.value)
  return `The last one, of ${size(last.sizeBytes)}, was made ${made}; it ends ${apart(last.expiryMs, nowMs.value)}.`
}

function Making({ making }: { making: NonNullable<Standing['making']> }): JSX.Element {
  const { step, sizeBytes, doneBytes, remainingMs } = making
  const words = {
    waiting: 'About to begin…',
    sealing: `Sealing: ${size(doneBytes)} so far.`,
    storing: `Storing: ${size(doneBytes)} of ${size(sizeBytes)}${remainingMs === null ? '' : `, ${duration(remainingMs)} left`}.`,
    telling: 'All of it is stored; writing down where.'
  }
  return (
    <div class="stack">
      <Progress doneBytes={doneBytes} sizeBytes={sizeBytes}>
        {words[step]}
      </Progress>
      <div class="buttons">
        <Button kind="quiet" onClick={() => void attempt(cancelNetworkBackup)}>
          Cancel
        </Button>
      </div>
    </div>
  )
}
