import type { Command } from 'commander';

/** Shell completion, generated from the tree of commands. Pure. */

export interface CompletionEntry {
  /** Command words after the program's name: `[]` for the program, `['lab', 'up']`. */
  readonly words: readonly string[];
  /** What may follow: subcommands with their summaries. */
  readonly subcommands: readonly { readonly name: string; readonly summary: string }[];
  readonly options: readonly { readonly flag: string; readonly summary: string }[];
  /** Fixed values of the first argument, when it has some. */
  readonly choices: readonly string[];
}

/** Fixed first arguments that the tree cannot tell: path → words. */
export type ChoiceMap = Readonly<Record<string, readonly string[]>>;

/** One entry per command of the tree, the program first. Global options are repeated in each. */
export function completionEntries(program: Command, choices: ChoiceMap = {}): CompletionEntry[] {
  const globals = flagsOf(program);
  const walk = (command: Command, words: readonly string[]): CompletionEntry[] => {
    const own = command === program ? [] : flagsOf(command);
    const children = command.commands.filter((child) => !isHidden(child));
    return [
      {
        words,
        subcommands: children.map((child) => ({ name: child.name(), summary: child.description() })),
        options: [...own, ...globals, { flag: '--help', summary: 'display help for command' }],
        choices: choices[words.join(' ')] ?? [],
      },
      ...children.flatMap((child) => walk(child, [...words, child.name()])),
    ];
  };
  return walk(program, []);
}

const isHidden = (command: Command): boolean => (command as { _hidden?: boolean })._hidden === true;

function flagsOf(command: Command): { flag: string; summary: string }[] {
  return command.options.flatMap(({ long, description, hidden }) => (long && !hidden ? [{ flag: long, summary: description }] : []));
}

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

export function completionScript(shell: Shell, name: string, entries: readonly CompletionEntry[]): string {
  return { bash, zsh, fish }[shell](name, entries);
}

/** A word in single quotes for a POSIX shell. */
const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

function bash(name: string, entries: readonly CompletionEntry[]): string {
  const cases = entries.map(({ words, subcommands, options, choices }) => {
    const next = [...subcommands.map((sub) => sub.name), ...choices, ...options.map((option) => option.flag)];
    return `    ${quote(words.join(' '))}) next=${quote(next.join(' '))} ;;`;
  });
  return `# ${name} completion for bash: ${name} completion bash > /etc/bash_completion.d/${name}
_${name}() {
  local current=\${COMP_WORDS[COMP_CWORD]} at='' next='' word i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    [[ $word == -* ]] && continue
    case "\${at:+$at }$word" in
      ${entries
        .filter(({ words }) => words.length > 0)
        .map(({ words }) => quote(words.join(' ')))
        .join('|')}) at="\${at:+$at }$word" ;;
    esac
  done
  case "$at" in
${cases.join('\n')}
  esac
  mapfile -t COMPREPLY < <(compgen -W "$next" -- "$current")
  ((\${#COMPREPLY[@]})) || mapfile -t COMPREPLY < <(compgen -f -- "$current")
}
complete -o filenames -F _${name} ${name}
`;
}

function zsh(name: string, entries: readonly CompletionEntry[]): string {
  const item = (word: string, summary: string) => quote(`${word.replaceAll(':', '\\:')}:${summary}`);
  const cases = entries.map(({ words, subcommands, options, choices }) => {
    const lines = [
      ...subcommands.map((sub) => item(sub.name, sub.summary)),
      ...choices.map((choice) => item(choice, '')),
      ...options.map((option) => item(option.flag, option.summary)),
    ];
    return `    ${quote(words.join(' '))}) next=(${lines.join(' ')}) ;;`;
  });
  const paths = entries.filter(({ words }) => words.length > 0).map(({ words }) => quote(words.join(' ')));
  return `#compdef ${name}
# ${name} completion for zsh: ${name} completion zsh > "\${fpath[1]}/_${name}"
_${name}() {
  local at='' word i
  local -a next
  for ((i = 2; i < CURRENT; i++)); do
    word=\${words[i]}
    [[ $word == -* ]] && continue
    case "\${at:+$at }$word" in
      ${paths.join('|')}) at="\${at:+$at }$word" ;;
    esac
  done
  case "$at" in
${cases.join('\n')}
  esac
  _describe ${quote(name)} next || _files
}
compdef _${name} ${name}
`;
}

function fish(name: string, entries: readonly CompletionEntry[]): string {
  const lines = entries.flatMap(({ words, subcommands, options, choices }) => {
    const condition = `__${name}_at ${quote(words.join(' '))}`;
    const start = `complete -c ${name} -n ${quote(condition)}`;
    return [
      ...subcommands.map((sub) => `${start} -f -a ${quote(sub.name)} -d ${quote(sub.summary)}`),
      ...choices.map((choice) => `${start} -f -a ${quote(choice)}`),
      ...options.map((option) => `${start} -l ${quote(option.flag.slice(2))} -d ${quote(option.summary)}`),
    ];
  });
  const paths = entries.filter(({ words }) => words.length > 0).map(({ words }) => quote(words.join(' ')));
  return `# ${name} completion for fish: ${name} completion fish > ~/.config/fish/completions/${name}.fish
function __${name}_at --description 'Whether the command words so far are these'
    set -l at
    for word in (commandline -opc)[2..-1]
        string match -q -- '-*' $word; and continue
        contains -- (string join ' ' $at $word) ${paths.join(' ')}; and set -a at $word
    end
    test (string join ' ' $at) = "$argv[1]"
end
${lines.join('\n')}
`;
}
