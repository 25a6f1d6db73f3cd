import { signal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import { clock } from '../clock.ts'
import { go } from '../route.ts'
import { Dialog } from './basics.tsx'

export const helpOpen = signal(false)

export type Keys = Record<string, () => void>

/** What keys do in the view that is open, over what they do everywhere. The view opened last comes first. */
const layers: Keys[] = []

/** While the calling view is there, these keys are its own. */
export function useKeys(keys: Keys): void {
  useEffect(() => {
    layers.push(keys)
    return () => void layers.splice(layers.indexOf(keys), 1)
  })
}

const everywhere: Keys = {
  c: () => go('write'),
  '/': () => go('search'),
  '?': () => (helpOpen.value = !helpOpen.value),
  'g i': () => go('inbox'),
  'g s': () => go('sent'),
  'g r': () => go('requests'),
  'g d': () => go('drafts'),
  'g a': () => go('archive'),
  'g c': () => go('contacts'),
  'g n': () => go('network'),
  'g ,': () => go('settings')
}

const chordMs = 1_200

const typing = 'input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable]'

/** Listens for keys. Whoever types into a field types; with Ctrl, Alt or Meta the browser is meant. */
export function useShortcuts(): void {
  useEffect(() => {
    let pending = ''
    let late: Disposable | undefined
    const listen = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return
      const target = event.target as HTMLElement
      if (target.closest(typing)) return
      if (document.querySelector('dialog[open]') && event.key !== '?') return
      const keys = pending ? `${pending} ${event.key}` : event.key
      late?.[Symbol.dispose]()
      pending = ''
      if (event.key === 'g' && keys === 'g') {
        pending = 'g'
        late = clock.after(chordMs, () => (pending = ''))
        return
      }
      const does = layers.toReversed().find(layer => Object.hasOwn(layer, keys)) ?? everywhere
      if (!Object.hasOwn(does, keys)) return
      event.preventDefault()
      does[keys]!()
    }
    addEventListener('keydown', listen)
    return () => removeEventListener('keydown', listen)
  }, [])
}

const rows: readonly (readonly [section: string, ...[keys: string, does: string][]])[] = [
  [
    'Everywhere',
    ['c', 'New letter'],
    ['/', 'Search'],
    ['g i', 'Inbox'],
    ['g s', 'Sent'],
    ['g r', 'Requests'],
    ['g d', 'Drafts'],
    ['g a', 'Archive'],
    ['g c', 'Contacts'],
    ['g n', 'Network'],
    ['g ,', 'Settings'],
    ['?', 'This help']
  ],
  [
    'In a list',
    ['j', 'Next'],
    ['k', 'Previous'],
    ['Enter', 'Open'],
    ['e', 'Archive, or back to the inbox'],
    ['u', 'Mark unread']
  ],
  ['In a conversation', ['r', 'Reply'], ['Escape', 'Back to the list']],
  ['While writing', ['Ctrl Enter', 'Send']]
]

export const ShortcutHelp = (): JSX.Element => (
  <Dialog title="Keyboard shortcuts" wide onClose={() => (helpOpen.value = false)}>
    <div class="shortcuts">
      {rows.map(([section, ...keys]) => (
        <section>
          <h3>{section}</h3>
          <dl>
            {keys.map(([key, does]) => (
              <div>
                <dt>
                  {key.split(' ').map(one => (
                    <kbd>{one}</kbd>
                  ))}
                </dt>
                <dd>{does}</dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </div>
  </Dialog>
)
