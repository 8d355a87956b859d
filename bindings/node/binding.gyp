{
  'targets': [
    {
      'target_name': 'rst',
      'conditions': [
        [
          'OS=="linux"',
          {
            # Older versions of gyp take what node warns of, on its standard error, as a failure.
            'sources': ['<!@(node native/sources.js 2>/dev/null)'],
            'include_dirs': ['include', 'src', 'native'],
            'defines': ['_GNU_SOURCE', 'NAPI_VERSION=8'],
            # librst keeps its frames for stacks, and stays loaded: its handlers of fork and exit do.
            'cflags': ['-std=gnu11', '-O2', '-fvisibility=hidden', '-fno-omit-frame-pointer', '-Wall', '-Wextra'],
            'cflags!': ['-O3', '-fomit-frame-pointer', '-Wno-unused-parameter'],
            'ldflags': ['-Wl,--version-script=<(module_root_dir)/native/addon.map', '-Wl,-z,nodelete'],
            'libraries': ['-ldl', '-lpthread'],
          },
          # On other systems nothing is built, and every probe does nothing.
          {'type': 'none'},
        ],
      ],
    },
  ],
}
