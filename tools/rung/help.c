#include "help.h"

#include "commands.h"
#include "manual.h"
#include "table.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Topics */

static const char inputs_topic[] =
    "Forms of --input\n"
    "\n"
    "  NAME=FILE                     .npy, .npz, .pb (TensorProto, SequenceProto, OptionalProto), .wav, pictures\n"
    "                                (rung --version lists the formats); what it is shows in its first bytes.\n"
    "                                '-' is standard input.\n"
    "  NAME=FILE.npz:MEMBER          one array of an archive; without :MEMBER the one called NAME, or the only one\n"
    "  FILE.npz                      every array feeds the input of its name\n"
    "  NAME=f32[1,3,224,224]@FILE    the bytes of the elements, row by row\n"
    "  NAME=16000, NAME=[1,2,3]      numbers, in the shape of the input where they fit; also true, false\n"
    "  NAME=text:WORDS               one string\n"
    "  NAME=random, zeros, ones      generated; --seed; open dimensions are 1\n"
    "  NAME=random[1,3,224,224]      with a shape\n"
    "\n"
    "NAME= may be left out when the model has one input. --fill random serves all inputs that are not given.\n"
    "\n"
    "Pictures: --resize, then --crop, then (value * scale - mean) / std with values from 0 to 255, in the given\n"
    "--channels and --layout. What is not given follows from the model's input: its height and width where they are\n"
    "fixed, the number of its channels, and which dimension they are in. Transparent places are white.\n"
    "Sounds: --rate, then --crop SAMPLES+FIRST; one channel, from -1 to 1, cut or filled up to the model's length.\n"
    "\n"
    "  rung run model.onnx --input image=cat.jpg --resize 224x224 --channels bgr --mean 104,117,123\n"
    "  rung run model.onnx --input a=left.png --crop 64x64+0+10 --input b=right.png --scale 1/255";

static const char chains_topic[] =
    "Chains of providers\n"
    "\n"
    "  -p cuda,cpu              each node goes to the first provider that takes it; a provider that is listed but\n"
    "                           cannot be used is an error\n"
    "  -p cuda?,cpu             cuda may be missing; the plan says so\n"
    "  -p cpu:key=value         options after a colon; values may be quoted\n"
    "  -p CUDAExecutionProvider ONNX Runtime's names are understood\n"
    "  --provider-option openvino.load_config='{...}'\n"
    "  -p auto                  cpu, or whichever usable provider is faster on these inputs and computes the same, by\n"
    "                           measurement; remembered in the cache\n"
    "\n"
    "rung providers lists them with their state here, rung plan shows who would run what.";

static const char contracts_topic[] =
    "Contracts: what a plan must keep, terms separated by commas\n"
    "\n"
    "  strict                       every node runs on the first provider of the chain\n"
    "  only=cuda                    every node runs on that provider; only=cuda+tensorrt: on one of these\n"
    "  no-demotion                  nothing steps down: no listed provider is skipped, '?' or not\n"
    "  coverage>=95%                share of the nodes that the first provider runs; coverage(cuda+tensorrt)>=95%\n"
    "  flops>=95%                   the same as share of the floating-point operations\n"
    "  islands<=3                   islands of providers, bodies of If, Loop and Scan included\n"
    "  crossings<=4, bytes<=10MB    tensors copied between memories in a run, and what they hold\n"
    "\n"
    "What the host does itself (control flow, arithmetic on shapes) counts nowhere. A contract is held against the\n"
    "claims, again against what compiled, and, where shapes were open, against every run. A broken one is exit code "
    "21,\n"
    "and says by how much and by which nodes.\n"
    "\n"
    "  rung run model.onnx -p 'cuda,cpu' --contract 'coverage>=95%,crossings<=4'\n"
    "  rung plan model.onnx -p 'cuda,cpu' --pin op:Resize=cpu --pin 'between:a..b=cuda'\n"
    "\n"
    "--pin keeps nodes to a provider: op:TYPE (op:com.microsoft.Gelu), node:PATTERN as the shell's, between:A..B for\n"
    "the nodes on a way from tensor A to tensor B. --lock FILE writes a plan down, --locked FILE holds to it.\n"
    "--config FILE holds such options, one a line: contract = strict";

static const char codes_topic[] =
    "Exit codes\n"
    "\n"
    "The last line on standard error is the reason.\n"
    "\n"
    "    0  it worked\n"
    "    1  the answer is no: outputs differ (--check), the model cannot run (rung check), or something is\n"
    "       broken (rung doctor)\n"
    "    2  the command line is wrong";

static void print_codes(void) {
  puts(codes_topic);
  help_codes();
}

static void print_inputs(void) { puts(inputs_topic); }
static void print_chains(void) { puts(chains_topic); }
static void print_contracts(void) { puts(contracts_topic); }

static const struct {
  const char *name, *summary;
  void (*print)(void);
} topics[] = {{"inputs", "forms of --input, pictures and sounds", print_inputs},
              {"chains", "how a chain of providers is written", print_chains},
              {"contracts", "what a plan must keep: terms, pins, locks", print_contracts},
              {"exit-codes", "what they mean", print_codes}};
enum { TOPICS = sizeof topics / sizeof topics[0] };

/* Commands */

void help_overview(void) {
  printf(
      "rung runs ONNX models through an ordered chain of execution providers, and says who ran what and why.\n\n"
      "usage: rung COMMAND [options]\n\n");
  table t = {.columns = 2, .indent = "  "};
  for (size_t i = 0; all_commands[i]; i++) {
    table_add(&t, all_commands[i]->name);
    table_add(&t, all_commands[i]->summary);
  }
  table_print(&t);
  printf(
      "\nTry it:\n\n"
      "  rung run model.onnx --fill random             random inputs, whatever the model is\n"
      "  rung run model.onnx --input cat.jpg --top 5   a classifier of pictures\n"
      "  rung plan model.onnx -p 'openvino?,cpu'       who would run what\n\n"
      "rung help COMMAND says more; so do rung help");
  for (size_t i = 0; i < TOPICS; i++) printf("%s %s", i ? "," : "", topics[i].name);
  puts(".\nrung --version tells the version and what is built in.");
}

/* Manual page */

static void print_man(void) {
  printf(
      ".TH RUNG 1 \"\" \"rung %s\"\n.SH NAME\nrung \\- run ONNX models through a chain of execution providers\n"
      ".SH SYNOPSIS\n.B rung\n.I command\n[options]\n.SH COMMANDS\n",
      rung_version());
  for (size_t i = 0; all_commands[i]; i++) {
    printf(".SS rung %s %s\n", all_commands[i]->name, all_commands[i]->operands);
    man_verbatim(all_commands[i]->story);
    man_options(all_commands[i]);
  }
  printf(".SH INPUTS\n");
  man_verbatim(inputs_topic);
  printf(".SH CHAINS\n");
  man_verbatim(chains_topic);
  printf(".SH EXIT STATUS\n");
  man_verbatim(codes_topic);
  man_codes();
  printf(
      ".SH ENVIRONMENT\n"
      ".TP\n.B VIRTUAL_ENV, PATH, HOME\nwhere vendors\\(aq libraries are looked for: in the site\\-packages of the "
      "virtual\n"
      "environment, of the first python3 in PATH, and of the user\n"
      ".TP\n.B XDG_CACHE_HOME, HOME\nwhere compiled islands are kept, unless \\-\\-cache says otherwise\n"
      ".TP\n.B NO_COLOR, TERM\nno colour when NO_COLOR is set; neither colour nor progress on a dumb terminal\n");
}

/* Words for completion */

static void print_commands(void) {
  for (size_t i = 0; all_commands[i]; i++) puts(all_commands[i]->name);
}

/* The command itself */

typedef struct help_args {
  bool man, words;
} help_args;

static const option help_options[] = {{"man", 0, NULL, "print the manual page", set_flag, offsetof(help_args, man)},
                                      {"words", 0, NULL, "print words for completion: commands, or a command's options",
                                       set_flag, offsetof(help_args, words)},
                                      {0}};

static const command *find_command(const char *name) {
  for (size_t i = 0; all_commands[i]; i++)
    if (strcmp(all_commands[i]->name, name) == 0) return all_commands[i];
  return NULL;
}

static int unknown_topic(const char *name) {
  const char *names[32];
  size_t count = 0;
  for (size_t i = 0; all_commands[i]; i++) names[count++] = all_commands[i]->name;
  for (size_t i = 0; i < TOPICS; i++) names[count++] = topics[i].name;
  const char *near = nearest(name, names, count);
  return fail(EXIT_USAGE, "there is no help on \"%s\"%s%s%s", clean(name), near ? "; did you mean " : "",
              near ? near : "", near ? "?" : "");
}

static int print_topic(const char *name, bool words) {
  const command *self = find_command(name);
  if (self) {
    if (words)
      help_words(self);
    else
      help_command(self);
    return 0;
  }
  for (size_t i = 0; i < TOPICS; i++)
    if (strcmp(topics[i].name, name) == 0) {
      topics[i].print();
      return 0;
    }
  return unknown_topic(name);
}

static int run(const command *self, int argc, char **argv) {
  static help_args args;
  const char *name = NULL;
  int count;
  TRY(args_parse(self, argc, argv, (void *[]){&args}, &name, 1, &count));
  if (args.man)
    print_man();
  else if (name)
    return print_topic(name, args.words);
  else if (args.words)
    print_commands();
  else
    help_overview();
  return 0;
}

const command help_cmd = {.name = "help",
                          .operands = "[COMMAND|inputs|chains|contracts|exit-codes]",
                          .summary = "say how to use rung, or one of its commands",
                          .story = "Explains a command or a topic.\n\n  rung help run\n  rung help inputs",
                          .groups = {{"Options", help_options}},
                          .run = run};
