/**
 * Buttons, lists, polls, events and other messages with a form of their own: what of them can be read as text, and what
 * was chosen. Fields by WAProto 7.0.
 */

import { sanitizeText } from '../../shared/payload.ts'
import { asList, asObject, compact, type Properties, toMoment, toNumber } from '../values.ts'

export type Interactive = {
  body: string | null
  /** For the message's metadata. */
  facts: Properties
  /** Where a file may be: imageMessage, videoMessage … */
  header?: Properties
}

export function interactive(kind: string, part: Properties): Interactive {
  switch (kind) {
    case 'buttonsResponseMessage':
      return answer(part['selectedDisplayText'], part['selectedButtonId'])
    case 'templateButtonReplyMessage':
      return answer(part['selectedDisplayText'], part['selectedId'])
    case 'listResponseMessage':
      return answer(part['title'], asObject(part['singleSelectReply'])?.['selectedRowId'])
    case 'interactiveResponseMessage':
      return formAnswer(part)
    case 'pollCreationMessage':
    case 'pollCreationMessageV2':
    case 'pollCreationMessageV3':
    case 'pollCreationMessageV5':
      return poll(part)
    case 'eventMessage':
      return event(part)
    case 'buttonsMessage':
      return { body: text(part['contentText']), facts: {}, header: part }
    case 'templateMessage':
      return template(part)
    case 'interactiveMessage': {
      const header = asObject(part['header'])
      const body = text(asObject(part['body'])?.['text']) ?? text(header?.['title'])
      return { body, facts: {}, ...(header ? { header } : {}) }
    }
    case 'listMessage':
      return { body: text(part['description']) ?? text(part['title']), facts: {} }
    case 'groupInviteMessage':
      return {
        body: text(part['caption']) ?? text(part['groupName']),
        facts: {
          invite: compact({ group: text(part['groupJid']), name: text(part['groupName']) }),
        },
      }
    case 'albumMessage':
      return {
        body: null,
        facts: {
          album: compact({
            images: toNumber(part['expectedImageCount']),
            videos: toNumber(part['expectedVideoCount']),
          }),
        },
      }
    case 'productMessage':
      return { body: text(part['body']) ?? text(asObject(part['product'])?.['title']), facts: {} }
    case 'orderMessage':
      return { body: text(part['message']) ?? text(part['orderTitle']), facts: {} }
    default:
      return { body: text(part['caption']) ?? text(part['text']), facts: {} }
  }
}

function answer(title: unknown, id: unknown): Interactive {
  return {
    body: text(title) ?? text(id),
    facts: { interactive: compact({ id: text(id), title: text(title) }) },
  }
}

/** Of a native flow `paramsJson` holds what was chosen or filled in. */
function formAnswer(part: Properties): Interactive {
  const flow = asObject(part['nativeFlowResponseMessage'])
  const parameters = text(flow?.['paramsJson'])
  const parsed = parameters ? parse(parameters) : null
  const body = text(asObject(part['body'])?.['text'])
  return {
    body: body ?? text(parsed?.['title']) ?? text(parsed?.['id']),
    facts: {
      interactive: compact({
        name: text(flow?.['name']),
        id: text(parsed?.['id']),
        title: body,
        parameters: parsed ?? parameters,
      }),
    },
  }
}

function poll(part: Properties): Interactive {
  const name = text(part['name'])
  const options = asList(part['options']).map((option) => text(asObject(option)?.['optionName']))
  return {
    body: name,
    facts: {
      poll: compact({
        name,
        options: options.filter((option) => option !== null),
        selectable: toNumber(part['selectableOptionsCount']),
      }),
    },
  }
}

function event(part: Properties): Interactive {
  const name = text(part['name'])
  return {
    body: name,
    facts: {
      event: compact({
        name,
        description: text(part['description']),
        starts_at: toMoment(part['startTime'])?.toISOString(),
        ends_at: toMoment(part['endTime'])?.toISOString(),
        canceled: part['isCanceled'] === true || undefined,
      }),
    },
  }
}

function template(part: Properties): Interactive {
  const inner =
    asObject(part['hydratedFourRowTemplate']) ??
    asObject(part['hydratedTemplate']) ??
    asObject(part['fourRowTemplate'])
  if (!inner) return { body: null, facts: {} }
  const id = text(inner['templateId'])
  return {
    body: text(inner['hydratedContentText']) ?? text(inner['hydratedTitleText']),
    facts: id ? { template: { id } } : {},
    header: inner,
  }
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? sanitizeText(value) || null : null
}

function parse(json: string): Properties | null {
  try {
    return asObject(JSON.parse(json))
  } catch {
    return null
  }
}
