import type { Content, WholeState } from '../store/state.ts'
import type { BackupItem, PodItem } from '../wire/backup.ts'
import { isPodItem } from '../wire/backup.ts'

/** A pod's state as items of a backup, as it was when that began. */
export async function* podItems(state: Pick<WholeState, 'contents'>): AsyncGenerator<PodItem> {
  for await (const content of state.contents()) {
    if ('table' in content) yield { type: 'pod-row', ...content }
    else if ('entry' in content) yield { type: 'pod-entry', ...content }
    else yield { type: 'pod-log', ...content }
  }
}

/** The state that the items of a backup are pieces of; others are none of its. */
export async function* podContents(items: AsyncIterable<BackupItem>): AsyncGenerator<Content> {
  for await (const item of items) {
    if (!isPodItem(item)) continue
    const { type: _, ...content } = item
    yield content
  }
}
